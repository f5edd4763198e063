/* Colours one behind the other: what is seen through glass, the background, samples of a pixel, and
 * the shadow of the sun. Words are 0xAABBGGRR; where alpha is less than 255 the colours have been
 * multiplied by it. */
#include <math.h>
#include <stddef.h>

#include "raster.h"

/* Lay the words of a layer over those that are behind it. */
void resolve_over(const int32_t *picture, uint32_t pixels, const uint32_t *words,
                  const uint8_t *opacity, uint32_t *under) {
    for (uint32_t n = 0; n < pixels; n++) {
        if (picture[n] == NOTHING) continue;
        uint32_t share = opacity[picture[n] >> 1], rest = 255 - share, mixed = 0;
        uint32_t word = words[n] | 0xff000000u, behind = under[n];
        for (int shift = 0; shift < 32; shift += 8) {
            uint32_t sum = (word >> shift & 255) * share + (behind >> shift & 255) * rest;
            mixed |= (sum + 127) / 255 << shift;
        }
        under[n] = mixed;
    }
}

/* Fill with a backdrop of bytes R, G, B, each of them for `samples` x `samples` words. */
void resolve_backdrop(uint32_t width, uint32_t top, uint32_t bottom, uint32_t samples,
                      const uint8_t *backdrop, uint32_t *words) {
    for (uint32_t y = top; y < bottom; y++) {
        const uint8_t *from = backdrop + (size_t)(y / samples) * (width / samples) * 3;
        uint32_t *row = words + (size_t)y * width;
        for (uint32_t x = 0; x < width; x++) {
            const uint8_t *at = from + (size_t)(x / samples) * 3;
            row[x] = at[0] | at[1] << 8 | (uint32_t)at[2] << 16 | 0xff000000u;
        }
    }
}

/* Average `samples` x `samples` words to bytes R, G, B, or with four channels R, G, B, A, whose
 * colours are no more multiplied by alpha. */
void resolve_average(const uint32_t *words, uint32_t width, uint32_t top, uint32_t bottom,
                     uint32_t samples, uint32_t channels, uint8_t *out) {
    uint32_t share = samples * samples, half = share / 2;
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint32_t sum[4] = {0, 0, 0, 0};
            for (uint32_t v = 0; v < samples; v++)
                for (uint32_t u = 0; u < samples; u++) {
                    size_t row = (size_t)(y * samples + v) * width * samples;
                    uint32_t word = words[row + (size_t)x * samples + u];
                    for (int k = 0; k < 4; k++) sum[k] += word >> 8 * k & 255;
                }
            uint8_t *to = out + ((size_t)y * width + x) * channels;
            if (channels == 3) {
                for (int k = 0; k < 3; k++) to[k] = (uint8_t)((sum[k] + half) / share);
                continue;
            }
            for (int k = 0; k < 3; k++) {
                uint32_t value = sum[3] ? (sum[k] * 255 + sum[3] / 2) / sum[3] : 0;
                to[k] = (uint8_t)(value > 255 ? 255 : value);
            }
            to[3] = (uint8_t)((sum[3] + half) / share);
        }
}

/* ---- shadows --------------------------------------------------------------------------------- */

/* A picture that the sun takes, without perspective: a point p is at column
 * cx + sx (p - eye) right, row cy - sy (p - eye) up, and (p - eye) forward away. */
typedef struct {
    double eye[3], right[3], up[3], forward[3];
    double sx, sy, cx, cy;
    const int32_t *names;
    int64_t side;
} Sun;

typedef struct {
    double ambient, sky, sun; /* how much light comes from where */
} Light;

typedef struct {
    const float *planes;
    const double *rays;
    int parallel;
    const Sun *suns;
    uint32_t count;
    const Light *light;
} View;

static double dot(const double *a, const double *b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* A plane as the sun sees it: how far it is away where its picture's ray is (right, up). */
typedef struct {
    double start, right, up;
    int seen; /* it is not along the rays */
} Slant;

static Slant slanted(const Sun *sun, const float *plane, double least) {
    double along = 0, right = 0, up = 0, height = 0;
    for (int k = 0; k < 3; k++) {
        along += plane[k] * sun->forward[k];
        right += plane[k] * sun->right[k];
        up += plane[k] * sun->up[k];
        height += plane[k] * (plane[3 + k] - sun->eye[k]);
    }
    if (fabs(along) < least) return (Slant){0, 0, 0, 0};
    return (Slant){height / along, -right / along, -up / along, 1};
}

/* The share of the sun's light that does not arrive, 0 to 1, between the four nearest texels; -1
 * outside of the picture. Distances are compared at the middles of texels, to which the surface is
 * prolonged in its plane: then neither its slant nor the texel's size matters. */
static double shade(const Sun *sun, const float *planes, const float *plane, int32_t own,
                    const double *point) {
    double from[3] = {point[0] - sun->eye[0], point[1] - sun->eye[1], point[2] - sun->eye[2]};
    double x = sun->cx + sun->sx * dot(from, sun->right) - 0.5;
    double y = sun->cy - sun->sy * dot(from, sun->up) - 0.5, side = (double)sun->side;
    if (!(x >= 0 && y >= 0 && x < side - 1 && y < side - 1)) return -1;
    int32_t column = (int32_t)x, row = (int32_t)y;
    double left = column, above = row, fx = x - left, fy = y - above, sum = 0;
    const int32_t *texels = sun->names + row * sun->side + column;
    int32_t names[4] = {texels[0], texels[1], texels[sun->side], texels[sun->side + 1]};
    int32_t last = own;
    Slant surface = {0, 0, 0, 0}, other = surface;
    double across = 1 / sun->sx, down = 1 / sun->sy, bias = 0.3 * across + 0.01;
    for (int k = 0; k < 4; k++) {
        if (names[k] == NOTHING || names[k] >> 1 == own) continue;
        if (!surface.seen) surface = slanted(sun, plane, 1e-3);
        if (!surface.seen) return 0;
        if (names[k] >> 1 != last) {
            last = names[k] >> 1;
            other = slanted(sun, planes + (size_t)last * 6, 1e-6);
        }
        if (!other.seen) continue;
        double right = (left + (k & 1) + 0.5 - sun->cx) * across;
        double up = (sun->cy - above - (k >> 1) - 0.5) * down;
        double gap = (surface.start - other.start) + (surface.right - other.right) * right +
                     (surface.up - other.up) * up;
        if (gap > bias) sum += (k & 1 ? fx : 1 - fx) * (k >> 1 ? fy : 1 - fy);
    }
    return sum;
}

static uint32_t darker(uint32_t word, double factor) {
    uint32_t scale = (uint32_t)(factor * 65536), result = word & 0xff000000u;
    for (int shift = 0; shift < 24; shift += 8)
        result |= ((word >> shift & 255) * scale + 32768) >> 16 << shift;
    return result;
}

/* How much of its brightness a place of a picture keeps, 1 where the sun shines on it. */
static double kept(const View *view, const float *plane, int32_t name, uint32_t x, uint32_t y) {
    const double *eye = view->rays, *base = eye + 3, *across = eye + 6, *down = eye + 9;
    double ray[3], point[3], along = 0, height = 0, sunny = 0;
    double side = name & 1 ? 1.0 : -1.0; /* -forward is towards the sun */
    for (int k = 0; k < 3; k++) sunny += side * plane[k] * view->suns[0].forward[k];
    if (!(sunny > 0.01)) return 1; /* it has turned away from the sun anyway */
    for (int k = 0; k < 3; k++) {
        double offset = x * across[k] + y * down[k];
        ray[k] = view->parallel ? base[k] : base[k] + offset;
        point[k] = view->parallel ? eye[k] + offset : eye[k];
        along += plane[k] * ray[k];
        height += plane[k] * (plane[3 + k] - point[k]);
    }
    if (along == 0) return 1;
    for (int k = 0; k < 3; k++) point[k] += height / along * ray[k];
    double dark = -1;
    for (uint32_t k = 0; k < view->count && dark < 0; k++)
        dark = shade(&view->suns[k], view->planes, plane, name >> 1, point);
    if (dark <= 0) return 1;
    double others = view->light->ambient + view->light->sky * (0.5 - 0.5 * side * plane[2]);
    return 1 - dark * (1 - others / (others + view->light->sun * sunny));
}

/* Take the sun's light from where it does not shine. `rays` are as in resolve_depth; of several
 * pictures of the sun the first that has a place in it counts. Samples of a pixel on one triangle
 * are looked at once. */
void resolve_shadow(const int32_t *picture, uint32_t width, uint32_t top, uint32_t bottom,
                    uint32_t samples, const float *planes, const double *rays, int parallel,
                    const Sun *suns, uint32_t count, const Light *light, uint32_t *words) {
    View view = {planes, rays, parallel, suns, count, light};
    for (uint32_t y = top; y < bottom; y += samples)
        for (uint32_t x = 0; x < width; x += samples) {
            int32_t last = NOTHING;
            double factor = 1;
            for (uint32_t k = 0; k < samples * samples; k++) {
                size_t at = (size_t)(y + k / samples) * width + x + k % samples;
                int32_t name = picture[at];
                if (name == NOTHING) continue;
                if (name != last)
                    factor = kept(&view, planes + (size_t)(name >> 1) * 6, name, x + k % samples,
                                  y + k / samples);
                last = name;
                if (factor < 1) words[at] = darker(words[at], factor);
            }
        }
}
