/* From the picture of triangle numbers to the image layers, pixel by pixel. Rows `top` to `bottom`
 * are worked on, so that the caller may share them out among threads. */
#include <math.h>
#include <string.h>

#include "raster.h"

/* What a pixel shows, by a table of two words for each triangle (from the front, from behind). */
void resolve_words(const int32_t *picture, uint32_t pixels, const uint32_t *table, uint32_t empty,
                   uint32_t *out) {
    for (uint32_t n = 0; n < pixels; n++) {
        int32_t name = picture[n];
        out[n] = name == NOTHING ? empty : table[name];
    }
}

/* Colours as bytes R, G, B of a picture, with `samples` x `samples` of the picture to a pixel.
 * Words of the table are 0xAABBGGRR, alpha unused. `ground` is the background's colour word, or,
 * where `backdrop` is there, the picture behind in the same form as `out`. */
void resolve_rgb(const int32_t *picture, uint32_t width, uint32_t top, uint32_t bottom,
                 uint32_t samples, const uint32_t *table, uint32_t ground, const uint8_t *backdrop,
                 uint8_t *out) {
    uint32_t share = samples * samples, half = share / 2;
    for (uint32_t y = top; y < bottom; y++) {
        uint8_t *to = out + (size_t)y * width * 3;
        const uint8_t *behind = backdrop ? backdrop + (size_t)y * width * 3 : NULL;
        for (uint32_t x = 0; x < width; x++, to += 3) {
            uint32_t under = ground;
            if (behind)
                under = behind[3 * x] | behind[3 * x + 1] << 8 | (uint32_t)behind[3 * x + 2] << 16;
            if (samples == 1) {
                int32_t name = picture[(size_t)y * width + x];
                uint32_t word = name == NOTHING ? under : table[name];
                to[0] = word & 255, to[1] = word >> 8 & 255, to[2] = word >> 16 & 255;
                continue;
            }
            uint32_t red_blue = 0, green = 0;
            for (uint32_t v = 0; v < samples; v++) {
                const int32_t *row =
                    picture + ((size_t)y * samples + v) * width * samples + (size_t)x * samples;
                for (uint32_t u = 0; u < samples; u++) {
                    uint32_t word = row[u] == NOTHING ? under : table[row[u]];
                    red_blue += word & 0xff00ff;
                    green += word >> 8 & 255;
                }
            }
            to[0] = (uint8_t)(((red_blue & 0xffff) + half) / share);
            to[1] = (uint8_t)((green + half) / share);
            to[2] = (uint8_t)(((red_blue >> 16) + half) / share);
        }
    }
}

/* The planes of the triangles: unit normal and a corner, six floats each. */
void raster_planes(const float *corners, uint32_t count, float *planes) {
    for (uint32_t n = 0; n < count; n++) {
        const float *rows = corners + (size_t)(n / LANES) * LANES * 9 + n % LANES;
        double a[3], b[3], normal[3], length;
        for (int k = 0; k < 3; k++) {
            double v0 = rows[k * LANES];
            a[k] = rows[(3 + k) * LANES] - v0;
            b[k] = rows[(6 + k) * LANES] - v0;
        }
        for (int k = 0; k < 3; k++)
            normal[k] = a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
        length = sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
        for (int k = 0; k < 3; k++) {
            planes[(size_t)n * 6 + k] = length > 0 ? (float)(normal[k] / length) : 0.0f;
            planes[(size_t)n * 6 + 3 + k] = rows[k * LANES];
        }
    }
}

/* Distances along the ray of each pixel's centre: from the eye, or, when parallel, from the plane
 * through it. 0 where there is nothing. The ray of pixel (x, y) starts at `eye` and goes along
 * base + x across + y down; when parallel it starts at eye + x across + y down and goes along base.
 * `nearest` and `farthest` along the forward axis hold what rounding at an edge would spoil. */
void resolve_depth(const int32_t *picture, uint32_t width, uint32_t top, uint32_t bottom,
                   const float *planes, const double *rays, int parallel, double nearest,
                   double farthest, float *out) {
    const double *eye = rays, *base = rays + 3, *across = rays + 6, *down = rays + 9;
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = 0; x < width; x++) {
            size_t at = (size_t)y * width + x;
            if (picture[at] == NOTHING) {
                out[at] = 0.0f;
                continue;
            }
            const float *plane = planes + (size_t)(picture[at] >> 1) * 6;
            double along = 0, height = 0, squared = 0;
            for (int k = 0; k < 3; k++) {
                double offset = x * across[k] + y * down[k];
                double ray = parallel ? base[k] : base[k] + offset;
                double start = parallel ? eye[k] + offset : eye[k];
                along += plane[k] * ray;
                height += plane[k] * (plane[3 + k] - start);
                squared += ray * ray;
            }
            double t = along != 0 ? height / along : nearest;
            if (!(t > nearest)) t = nearest;
            if (!(t < farthest)) t = farthest;
            out[at] = (float)(t * sqrt(squared));
        }
}
