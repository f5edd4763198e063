/* Draws triangles that were set up into the rows of a strip. */
#ifndef GOTAPI_ROWS_H
#define GOTAPI_ROWS_H

#include "bins.h"
#include "raster.h"
#include "vectors.h"

#define SUB 256          /* sub-pixel steps */
#define HALF (SUB / 2)
#define SMALL 64         /* pixels of a box up to which 32-bit edges are exact */

typedef struct {
    float across, down, low, high, start; /* start: at the centre of the first pixel of the box */
} Slope;

typedef struct {
    int x0, x1, y0, y1; /* pixels, both ends included */
} Box;

INLINE float lesser(float a, float b) { return a < b ? a : b; }
INLINE float greater(float a, float b) { return a > b ? a : b; }

INLINE Slope slope(const Drawn *drawn, Box box) {
    float ax = (float)(drawn->x[1] - drawn->x[0]), ay = (float)(drawn->y[1] - drawn->y[0]);
    float bx = (float)(drawn->x[2] - drawn->x[0]), by = (float)(drawn->y[2] - drawn->y[0]);
    float qa = drawn->q[1] - drawn->q[0], qb = drawn->q[2] - drawn->q[0];
    float area = (float)SUB / (ax * by - bx * ay);
    float x = (float)(box.x0 * SUB + HALF - drawn->x[0]) * (1.0f / SUB);
    float y = (float)(box.y0 * SUB + HALF - drawn->y[0]) * (1.0f / SUB);
    Slope made;
    made.across = (qa * by - qb * ay) * area;
    made.down = (qb * ax - qa * bx) * area;
    made.start = drawn->q[0] + made.across * x + made.down * y;
    made.low = lesser(lesser(drawn->q[0], drawn->q[1]), drawn->q[2]);
    made.high = greater(greater(drawn->q[0], drawn->q[1]), drawn->q[2]);
    return made;
}

/* A layer of the strip: what is nearest of that which is behind the layer before. */
typedef struct {
    float *depth;
    int32_t *names;
    const float *depth_before;
    const int32_t *names_before;
} Layer;

INLINE void write(const Layer *layer, size_t at, fv q, iv name, iv inside,
                  int behind) {
    float *depth = layer->depth + at;
    int32_t *names = layer->names + at;
    fv old = load(depth);
    iv old_name = loadi(names);
    if (behind) {
        fv before = load(layer->depth_before + at);
        iv name_before = loadi(layer->names_before + at);
        inside &= (q < before) | ((q == before) & (name > name_before));
    }
    iv nearer = inside & ((q > old) | ((q == old) & (name < old_name)));
    fv depths = pick(nearer, q, old);
    iv shown = picki(nearer, name, old_name);
    memcpy(depth, &depths, sizeof depths);
    memcpy(names, &shown, sizeof shown);
}

static const float steps_f[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};
static const int32_t steps_i[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

INLINE void draw_small(const Drawn *drawn, Box box, const Layer *layer, int top, int stride,
                       int behind) {
    Slope made = slope(drawn, box);
    int32_t at[3], across[3], down[3];
    for (int k = 0; k < 3; k++) {
        int m = (k + 1) % 3;
        int32_t dx = drawn->x[m] - drawn->x[k], dy = drawn->y[m] - drawn->y[k];
        /* Top-left rule: a pixel centre on a shared edge belongs to one of the two. */
        int32_t owned = dy < 0 || (dy == 0 && dx > 0) ? 0 : -1;
        int32_t px = box.x0 * SUB + HALF - drawn->x[k], py = box.y0 * SUB + HALF - drawn->y[k];
        at[k] = dx * py - dy * px + owned;
        across[k] = -dy * SUB;
        down[k] = dx * SUB;
    }
    iv lanes = loadi(steps_i), name = alli(drawn->name);
    iv edge0 = alli(at[0]) + lanes * alli(across[0]), edge1 = alli(at[1]) + lanes * alli(across[1]);
    iv edge2 = alli(at[2]) + lanes * alli(across[2]);
    fv low = all(made.low), high = all(made.high), depths = all(made.start);
    depths += all(made.across) * load(steps_f);
    for (int y = box.y0; y <= box.y1; y++) {
        size_t row = (size_t)(y - top) * stride;
        iv e0 = edge0, e1 = edge1, e2 = edge2;
        fv q = depths;
        for (int x = box.x0; x <= box.x1; x += WIDE) {
            iv inside = (e0 | e1 | e2) >= alli(0);
            if (any(inside))
                write(layer, row + (size_t)x, least(most(q, low), high), name, inside, behind);
            q += all(made.across * WIDE);
            e0 += alli(across[0] * WIDE), e1 += alli(across[1] * WIDE);
            e2 += alli(across[2] * WIDE);
        }
        depths += all(made.down);
        edge0 += alli(down[0]), edge1 += alli(down[1]), edge2 += alli(down[2]);
    }
}

INLINE int64_t floor_div(int64_t a, int64_t b) { /* b > 0 */
    int64_t quotient = a / b;
    return quotient - (a % b < 0);
}

/* Row by row, the pixels between the edges, exactly, by 64-bit division. */
INLINE void draw_large(const Drawn *drawn, Box box, const Layer *layer, int top, int stride,
                       int behind) {
    Slope made = slope(drawn, box);
    iv lanes = loadi(steps_i), name = alli(drawn->name);
    fv low = all(made.low), high = all(made.high);
    for (int y = box.y0; y <= box.y1; y++) {
        int64_t from = box.x0, to = box.x1;
        for (int k = 0; k < 3; k++) {
            int m = (k + 1) % 3;
            int64_t dx = drawn->x[m] - drawn->x[k], dy = drawn->y[m] - drawn->y[k];
            int64_t owned = dy < 0 || (dy == 0 && dx > 0) ? 0 : -1;
            int64_t py = (int64_t)y * SUB + HALF - drawn->y[k];
            int64_t start = dx * py - dy * ((int64_t)HALF - drawn->x[k]) + owned;
            int64_t across = -dy * SUB;
            if (across > 0) {
                int64_t x = -floor_div(start, across);
                from = x > from ? x : from;
            } else if (across < 0) {
                int64_t x = floor_div(start, -across);
                to = x < to ? x : to;
            } else if (start < 0) {
                to = -1;
            }
        }
        size_t row = (size_t)(y - top) * stride;
        float begin = made.start + made.down * (float)(y - box.y0);
        for (int x = (int)from; x <= to; x += WIDE) {
            iv inside = lanes <= alli((int32_t)(to - x));
            fv q = all(begin) + all(made.across) * (all((float)(x - box.x0)) + load(steps_f));
            write(layer, row + (size_t)x, least(most(q, low), high), name, inside, behind);
        }
    }
}

INLINE void draw(const Drawn *drawn, const Camera *camera, const Layer *layer, int top, int bottom,
                 int stride, int behind) {
    int32_t low_x = drawn->x[0], high_x = low_x, low = drawn->y[0], high = low;
    for (int k = 1; k < 3; k++) {
        low_x = drawn->x[k] < low_x ? drawn->x[k] : low_x;
        high_x = drawn->x[k] > high_x ? drawn->x[k] : high_x;
        low = drawn->y[k] < low ? drawn->y[k] : low;
        high = drawn->y[k] > high ? drawn->y[k] : high;
    }
    Box box = {(low_x + HALF - 1) >> 8, (high_x - HALF) >> 8, (low + HALF - 1) >> 8,
               (high - HALF) >> 8};
    int small = high_x - low_x < SMALL * SUB && high - low < SMALL * SUB;
    if (box.x0 < 0) box.x0 = 0;
    if (box.x1 >= camera->width) box.x1 = camera->width - 1;
    if (box.y0 < top) box.y0 = top;
    if (box.y1 >= bottom) box.y1 = bottom - 1;
    if (small)
        draw_small(drawn, box, layer, top, stride, behind);
    else
        draw_large(drawn, box, layer, top, stride, behind);
}

#endif
