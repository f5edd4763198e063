/* Textures: for each pixel of a textured triangle the place on the texture, how much of it the
 * pixel covers, and the colour there, between the four nearest texels of the two nearest mip
 * levels. */
#include <math.h>
#include <stddef.h>

#include "raster.h"

enum { REPEAT, MIRROR, CLAMP };

/* A texture: its levels are one after the other in the texels, each half as large as the one
 * before, never less than one texel. */
typedef struct {
    uint32_t offset; /* of its first texel */
    uint16_t width, height;
    uint16_t levels;
    uint16_t wrap;
} Texture;

/* How a triangle lies on its texture: (u, v) at its first corner, and how u and v grow along the
 * three axes. v grows upwards in the picture, as in CityGML and glTF's opposite. */
typedef struct {
    float u, v;
    float across[3], along[3];
} Mapping;

typedef struct {
    float red, green, blue;
} Colour;

static uint32_t wrapped(int32_t at, uint32_t size, int how) {
    if (how == CLAMP) return at < 0 ? 0 : (uint32_t)at >= size ? size - 1 : (uint32_t)at;
    int32_t period = (int32_t)size * (how == MIRROR ? 2 : 1);
    int32_t rest = at % period;
    if (rest < 0) rest += period;
    return (uint32_t)rest < size ? (uint32_t)rest : (uint32_t)(period - 1 - rest);
}

static Colour mixed(const uint32_t *texels, const Texture *texture, int level, double u, double v) {
    uint32_t width = texture->width, height = texture->height;
    const uint32_t *from = texels + texture->offset;
    for (int k = 0; k < level; k++) {
        from += (size_t)width * height;
        width = width > 1 ? width / 2 : 1;
        height = height > 1 ? height / 2 : 1;
    }
    double x = u * width - 0.5, y = (1.0 - v) * height - 0.5;
    double left = floor(x), above = floor(y);
    float fx = (float)(x - left), fy = (float)(y - above);
    Colour sum = {0, 0, 0};
    for (int k = 0; k < 4; k++) {
        uint32_t tx = wrapped((int32_t)left + (k & 1), width, texture->wrap);
        uint32_t ty = wrapped((int32_t)above + (k >> 1), height, texture->wrap);
        uint32_t word = from[(size_t)ty * width + tx];
        float weight = (k & 1 ? fx : 1 - fx) * (k >> 1 ? fy : 1 - fy);
        sum.red += weight * (float)(word & 255);
        sum.green += weight * (float)(word >> 8 & 255);
        sum.blue += weight * (float)(word >> 16 & 255);
    }
    return sum;
}

typedef struct {
    const double *rays;
    int parallel;
    const float *plane;
} View;

/* Where the ray of a place in the picture meets the plane, from the triangle's first corner. */
static int meet(const View *view, double x, double y, double *point) {
    const double *eye = view->rays, *base = eye + 3, *across = eye + 6, *down = eye + 9;
    double start[3], ray[3], along = 0, height = 0;
    for (int k = 0; k < 3; k++) {
        double offset = x * across[k] + y * down[k];
        ray[k] = view->parallel ? base[k] : base[k] + offset;
        start[k] = view->parallel ? eye[k] + offset : eye[k];
        along += view->plane[k] * ray[k];
        height += view->plane[k] * (view->plane[3 + k] - start[k]);
    }
    if (along == 0) return 0;
    double t = height / along;
    for (int k = 0; k < 3; k++) point[k] = start[k] + t * ray[k] - view->plane[3 + k];
    return 1;
}

static void place(const Mapping *map, const double *point, double *uv) {
    uv[0] = map->u, uv[1] = map->v;
    for (int k = 0; k < 3; k++) {
        uv[0] += map->across[k] * point[k];
        uv[1] += map->along[k] * point[k];
    }
}

/* Beyond this a texture was repeated so often that one place is as good as another. */
#define MOST_REPEATS 1048576.0

static double tamed(double value) {
    if (!(fabs(value) < MOST_REPEATS)) return 0;
    return value;
}

static Colour looked_up(const uint32_t *texels, const Texture *texture, const Mapping *map,
                        const View *view, double x, double y) {
    double point[3], beside[3], below[3], uv[2] = {0, 0}, right[2], under[2], covered = 0;
    if (meet(view, x, y, point)) {
        place(map, point, uv);
        if (meet(view, x + 1, y, beside) && meet(view, x, y + 1, below)) {
            place(map, beside, right), place(map, below, under);
            double a = hypot((right[0] - uv[0]) * texture->width,
                             (right[1] - uv[1]) * texture->height);
            double b = hypot((under[0] - uv[0]) * texture->width,
                             (under[1] - uv[1]) * texture->height);
            covered = a > b ? a : b;
        }
    }
    double u = tamed(uv[0]), v = tamed(uv[1]);
    double level = covered > 1 ? log2(covered) : 0;
    if (!(level < texture->levels - 1)) level = texture->levels - 1;
    int whole = (int)level;
    float part = (float)(level - whole);
    Colour fine = mixed(texels, texture, whole, u, v);
    if (part <= 0 || whole + 1 >= texture->levels) return fine;
    Colour coarse = mixed(texels, texture, whole + 1, u, v);
    fine.red += part * (coarse.red - fine.red);
    fine.green += part * (coarse.green - fine.green);
    fine.blue += part * (coarse.blue - fine.blue);
    return fine;
}

/* Replace the words of pixels that show a textured triangle. `slots` has for each triangle the
 * number of its mapping and its texture, or -1; `light` how bright it is from the front and from
 * behind, 256 for its own colours. */
void resolve_texture(const int32_t *picture, uint32_t width, uint32_t top, uint32_t bottom,
                     const float *planes, const double *rays, int parallel, const int32_t *slots,
                     const Mapping *maps, const uint32_t *of_slot, const Texture *textures,
                     const uint32_t *texels, const uint16_t *light, uint32_t *words) {
    for (uint32_t y = top; y < bottom; y++)
        for (uint32_t x = 0; x < width; x++) {
            size_t at = (size_t)y * width + x;
            if (picture[at] == NOTHING) continue;
            int32_t slot = slots[picture[at] >> 1];
            if (slot < 0) continue;
            View view = {rays, parallel, planes + (size_t)(picture[at] >> 1) * 6};
            Colour seen = looked_up(texels, &textures[of_slot[slot]], &maps[slot], &view, x, y);
            float scale = (float)light[picture[at]] / 256.0f;
            float red = seen.red * scale + 0.5f, green = seen.green * scale + 0.5f;
            float blue = seen.blue * scale + 0.5f;
            words[at] = (uint32_t)(red > 255 ? 255 : red) |
                        (uint32_t)(green > 255 ? 255 : green) << 8 |
                        (uint32_t)(blue > 255 ? 255 : blue) << 16 | 0xff000000u;
        }
}
