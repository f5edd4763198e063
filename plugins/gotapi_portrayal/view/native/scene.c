/* Brings triangles into the order of the rasteriser: by the place of their centres (Morton code),
 * so that neighbours are culled together. See raster.h for the layout. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "raster.h"

#define BITS 10 /* of a coordinate in the code */

static uint32_t spread(uint32_t value) {
    value = (value | value << 16) & 0x030000ff;
    value = (value | value << 8) & 0x0300f00f;
    value = (value | value << 4) & 0x030c30c3;
    return (value | value << 2) & 0x09249249;
}

static void bounds(const float *vertices, uint32_t count, float *low, float *high) {
    for (int k = 0; k < 3; k++) low[k] = INFINITY, high[k] = -INFINITY;
    for (uint32_t n = 0; n < count; n++)
        for (int k = 0; k < 3; k++) {
            float value = vertices[(size_t)n * 3 + k];
            low[k] = value < low[k] ? value : low[k];
            high[k] = value > high[k] ? value : high[k];
        }
}

static void codes(const float *vertices, uint32_t vertex_count, const uint32_t *triangles,
                  uint32_t count, uint32_t *keys) {
    float low[3], high[3], size = 0;
    bounds(vertices, vertex_count, low, high);
    for (int k = 0; k < 3; k++) size = high[k] - low[k] > size ? high[k] - low[k] : size;
    float scale = size > 0 ? (float)((1 << BITS) - 1) / (3.0f * size) : 0.0f;
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t *t = triangles + (size_t)n * 3;
        uint32_t code = 0;
        for (int k = 0; k < 3; k++) {
            float sum = (vertices[(size_t)t[0] * 3 + k] - low[k]) +
                        (vertices[(size_t)t[1] * 3 + k] - low[k]) +
                        (vertices[(size_t)t[2] * 3 + k] - low[k]);
            code |= spread((uint32_t)(sum * scale)) << k;
        }
        keys[n] = code;
    }
}

/* Write into `order` the numbers of the triangles, neighbours together. Every index must be below
 * `vertex_count` and every coordinate finite: the caller has checked. Returns 1 without memory. */
int raster_order(const float *vertices, uint32_t vertex_count, const uint32_t *triangles,
                 uint32_t count, uint32_t *order) {
    uint32_t *memory = malloc((size_t)count * 3 * sizeof *memory + sizeof *memory);
    if (memory == NULL) return 1;
    uint32_t *keys = memory, *other_keys = memory + count, *other = memory + 2 * (size_t)count;
    codes(vertices, vertex_count, triangles, count, keys);
    for (uint32_t n = 0; n < count; n++) order[n] = n;
    uint32_t *from_keys = keys, *to_keys = other_keys, *from = order, *to = other;
    for (int shift = 0; shift < 3 * BITS; shift += BITS) {
        uint32_t places[1 << BITS] = {0}, sum = 0;
        for (uint32_t n = 0; n < count; n++) places[from_keys[n] >> shift & ((1 << BITS) - 1)]++;
        for (int k = 0; k < 1 << BITS; k++) {
            uint32_t here = places[k];
            places[k] = sum;
            sum += here;
        }
        for (uint32_t n = 0; n < count; n++) {
            uint32_t at = places[from_keys[n] >> shift & ((1 << BITS) - 1)]++;
            to_keys[at] = from_keys[n];
            to[at] = from[n];
        }
        uint32_t *swap = from_keys;
        from_keys = to_keys, to_keys = swap;
        swap = from, from = to, to = swap;
    }
    if (from != order) memcpy(order, from, (size_t)count * sizeof *order); /* three passes: it is */
    free(memory);
    return 0;
}

/* Fill the corners of all blocks and the boxes of all clusters, in the order given. */
void raster_fill(const float *vertices, const uint32_t *triangles, uint32_t count,
                 const uint32_t *order, float *corners, float *boxes) {
    uint32_t blocks = (count + LANES - 1) / LANES;
    memset(corners, 0, (size_t)blocks * LANES * 9 * sizeof *corners);
    for (uint32_t n = 0; n < count; n++) {
        float *box = boxes + (size_t)(n / CLUSTER) * 6;
        if (n % CLUSTER == 0)
            for (int k = 0; k < 3; k++) box[k] = INFINITY, box[3 + k] = -INFINITY;
        float *rows = corners + (size_t)(n / LANES) * LANES * 9 + n % LANES;
        const uint32_t *t = triangles + (size_t)order[n] * 3;
        for (int corner = 0; corner < 3; corner++)
            for (int k = 0; k < 3; k++) {
                float value = vertices[(size_t)t[corner] * 3 + k];
                rows[(corner * 3 + k) * LANES] = value;
                box[k] = value < box[k] ? value : box[k];
                box[3 + k] = value > box[3 + k] ? value : box[3 + k];
            }
    }
}
