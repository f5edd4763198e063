/* The rasteriser: triangles in a local float32 frame to the number of the visible one per pixel.
 *
 * Nothing here is shared between calls but what the caller passes, so every function may run in
 * several threads at once, each with a workspace of its own. No function prints, exits or keeps
 * memory beyond its workspace. Lengths are those of the scene; pixels are counted from the upper
 * left corner.
 */
#ifndef GOTAPI_RASTER_H
#define GOTAPI_RASTER_H

#include <stdint.h>

#define LANES 8            /* triangles of a block, pixels of a step */
#define CLUSTER 256        /* triangles that are culled together */
#define NOTHING 0x7fffffff /* a pixel that shows no triangle */
#define MOST_SIDE 16384    /* pixels of a side; the guard band and the edge arithmetic count on it */
#define MOST_THREADS 64
#define MOST_LAYERS 16     /* surfaces seen through each other */

/* Triangles in the order of their clusters. The corners of eight are together: nine rows (x, y, z
 * of the three corners) of eight floats; unused lanes of the last block are all zero, which covers
 * no pixel. A box is six floats: low, then high. */
typedef struct {
    uint32_t triangles;
    uint32_t clusters; /* (triangles + CLUSTER - 1) / CLUSTER */
    const float *corners;
    const float *boxes;
} Scene;

/* A camera in the scene's frame. `eye` is split in two floats a coordinate, so that near things are
 * exact far from the origin. Rows of `axes` are right, up and forward, of unit length. A point at
 * (r, u, f) along them lies at pixel (cx + sx r / f, cy - sy u / f), or without the division when
 * `parallel`. Pixel (0, 0) covers 0 to 1 on both axes. */
typedef struct {
    float eye_high[3];
    float eye_low[3];
    float axes[9];
    float sx, sy, cx, cy;
    float near, far;
    int32_t width, height;
    int32_t parallel;
    int32_t threads;
} Camera;

/* What is seen through: `opacity` of each triangle, 255 for what is solid; those below `least` are
 * not drawn at all. */
typedef struct {
    const uint8_t *opacity;
    int32_t least;
    int32_t layers;
} Glass;

typedef struct Workspace Workspace;

typedef struct {
    uint64_t clusters_drawn;
    uint64_t triangles_set_up;
    uint64_t triangles_clipped;
} Counts;

#endif
