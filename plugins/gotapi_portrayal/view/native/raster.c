/* See raster.h. Two phases: threads take clusters and set triangles up into bins, one bin for each
 * strip of rows; then threads take strips and draw their bins into a depth buffer that fits a
 * cache. Coordinates are snapped to 1/256 pixel and edges are integers, so neighbouring triangles
 * share every pixel between them exactly once. Where depths are equal, the lower number wins: the
 * picture does not depend on the number of threads. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"
#include "raster.h"
#include "rows.h"
#include "vectors.h"

#define GUARD 24576.0f   /* pixels beyond which a corner is clipped; 2^23 sub-pixel steps is more */
#define STRIP_BYTES (192 << 10)

struct Workspace {
    Hand hands[MOST_THREADS];
    int strips, strip_rows, stride;
    size_t bins_room, strip_room;
};

typedef struct {
    const Scene *scene;
    const Camera *camera;
    Workspace *work;
    const Glass *glass; /* NULL: nothing is to be seen through */
    int32_t *picture;
    atomic_uint next_cluster, next_strip;
    int threads;
} Job;

typedef struct {
    Job *job;
    int hand;
} Task;

/* To the nearest step, without depending on the rounding mode: the inputs are below 2^23. */
INLINE iv snap(fv pixels) {
    fv steps = pixels * all(SUB);
    iv mask = steps < all(0.0f);
    return __builtin_convertvector(steps + pick(mask, all(-0.5f), all(0.5f)), iv);
}

/* Put a triangle into the bins of the strips that its rows touch. */
INLINE void file_under(Hand *hand, const Workspace *work, const Drawn *drawn, int low, int high) {
    hand->counts.triangles_set_up++;
    int last = high / work->strip_rows;
    for (int strip = low / work->strip_rows; strip <= last; strip++)
        put(hand, &hand->bins[strip], drawn);
}

/* ---- one triangle at a time: those that the near plane or the guard band cut ----------------- */

typedef struct {
    float r, u, f; /* along the camera's axes */
} Point;

static void set_up(Hand *hand, const Workspace *work, const Camera *camera, const Point *at,
                   int32_t number) {
    Drawn drawn;
    float x[3], y[3];
    for (int k = 0; k < 3; k++) {
        float scale = camera->parallel ? 1.0f : 1.0f / at[k].f;
        x[k] = camera->cx + camera->sx * at[k].r * scale;
        y[k] = camera->cy - camera->sy * at[k].u * scale;
        drawn.q[k] = camera->parallel ? camera->far - at[k].f : scale;
        /* Clipping has rounded: hold what it may have left just outside. */
        x[k] = fminf(fmaxf(x[k], -GUARD - 1), GUARD + 1);
        y[k] = fminf(fmaxf(y[k], -GUARD - 1), GUARD + 1);
        drawn.x[k] = (int32_t)lrintf(x[k] * SUB);
        drawn.y[k] = (int32_t)lrintf(y[k] * SUB);
    }
    int64_t area = (int64_t)(drawn.x[1] - drawn.x[0]) * (drawn.y[2] - drawn.y[0]) -
                   (int64_t)(drawn.x[2] - drawn.x[0]) * (drawn.y[1] - drawn.y[0]);
    if (area == 0) return;
    drawn.name = 2 * number;
    if (area < 0) {
        int32_t t = drawn.x[1];
        drawn.x[1] = drawn.x[2], drawn.x[2] = t;
        t = drawn.y[1], drawn.y[1] = drawn.y[2], drawn.y[2] = t;
        float s = drawn.q[1];
        drawn.q[1] = drawn.q[2], drawn.q[2] = s;
    } else {
        drawn.name++; /* the picture's rows grow downwards: clockwise is from the front */
    }
    int32_t low_x = drawn.x[0], high_x = low_x, low = drawn.y[0], high = low;
    for (int k = 1; k < 3; k++) {
        low_x = drawn.x[k] < low_x ? drawn.x[k] : low_x;
        high_x = drawn.x[k] > high_x ? drawn.x[k] : high_x;
        low = drawn.y[k] < low ? drawn.y[k] : low;
        high = drawn.y[k] > high ? drawn.y[k] : high;
    }
    int x0 = (low_x + HALF - 1) >> 8, x1 = (high_x - HALF) >> 8;
    int y0 = (low + HALF - 1) >> 8, y1 = (high - HALF) >> 8;
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 >= camera->width) x1 = camera->width - 1;
    if (y1 >= camera->height) y1 = camera->height - 1;
    if (x0 <= x1 && y0 <= y1) file_under(hand, work, &drawn, y0, y1);
}

typedef struct {
    float r, u, f, d; /* inside where r R + u U + f F + d >= 0 */
} Plane;

static int clip(const Point *from, int count, Point *to, Plane plane) {
    int kept = 0;
    for (int k = 0; k < count; k++) {
        const Point *a = &from[k], *b = &from[(k + 1) % count];
        float da = plane.r * a->r + plane.u * a->u + plane.f * a->f + plane.d;
        float db = plane.r * b->r + plane.u * b->u + plane.f * b->f + plane.d;
        if (da >= 0) to[kept++] = *a;
        if ((da >= 0) != (db >= 0)) {
            /* From inside to outside whichever way the edge goes: neighbours get the same point. */
            const Point *in = da >= 0 ? a : b, *out = da >= 0 ? b : a;
            float din = da >= 0 ? da : db, dout = da >= 0 ? db : da;
            float t = din / (din - dout);
            to[kept++] = (Point){in->r + t * (out->r - in->r), in->u + t * (out->u - in->u),
                                 in->f + t * (out->f - in->f)};
        }
    }
    return kept;
}

static void clip_and_set_up(Hand *hand, const Workspace *work, const Camera *camera,
                            const Point *at, int32_t number) {
    Point one[16], two[16];
    float left = GUARD + camera->cx, right = GUARD - camera->cx;
    float above = GUARD + camera->cy, below = GUARD - camera->cy;
    float w = camera->parallel ? 0.0f : 1.0f, c = camera->parallel ? 1.0f : 0.0f;
    hand->counts.triangles_clipped++;
    memcpy(one, at, 3 * sizeof *at);
    int count = clip(one, 3, two, (Plane){0, 0, 1, -camera->near});
    count = clip(two, count, one, (Plane){camera->sx, 0, w * left, c * left});
    count = clip(one, count, two, (Plane){-camera->sx, 0, w * right, c * right});
    count = clip(two, count, one, (Plane){0, -camera->sy, w * above, c * above});
    count = clip(one, count, two, (Plane){0, camera->sy, w * below, c * below});
    for (int k = 2; k < count; k++) {
        Point fan[3] = {two[0], two[k - 1], two[k]};
        set_up(hand, work, camera, fan, number);
    }
}

/* Whether a triangle is left out, because it is nothing but clear. */
INLINE int clear(const Glass *glass, uint32_t number) {
    return glass != NULL && glass->opacity[number] < glass->least;
}

/* ---- phase one: some triangles at a time ----------------------------------------------------- */

typedef struct {
    fv r, u, f;
} Points;

INLINE Points look(const Camera *camera, const float *row) {
    fv x = (load(row) - all(camera->eye_high[0])) - all(camera->eye_low[0]);
    fv y = (load(row + LANES) - all(camera->eye_high[1])) - all(camera->eye_low[1]);
    fv z = (load(row + 2 * LANES) - all(camera->eye_high[2])) - all(camera->eye_low[2]);
    const float *a = camera->axes;
    return (Points){x * all(a[0]) + y * all(a[1]) + z * all(a[2]),
                    x * all(a[3]) + y * all(a[4]) + z * all(a[5]),
                    x * all(a[6]) + y * all(a[7]) + z * all(a[8])};
}

static void cut_lanes(Hand *hand, const Job *job, const Points *at, iv mask, uint32_t first) {
    for (int lane = 0; lane < WIDE; lane++) {
        if (!mask[lane] || clear(job->glass, first + (uint32_t)lane)) continue;
        Point corner[3];
        for (int k = 0; k < 3; k++)
            corner[k] = (Point){at[k].r[lane], at[k].u[lane], at[k].f[lane]};
        clip_and_set_up(hand, job->work, job->camera, corner, (int32_t)(first + lane));
    }
}

INLINE void block(Hand *hand, const Job *job, uint32_t first, iv wanted, int safe) {
    const Camera *camera = job->camera;
    const float *rows = job->scene->corners + (size_t)(first & ~(LANES - 1u)) * 9 + first % LANES;
    Points at[3];
    fv x[3], y[3], q[3];
    iv beyond = alli(0), behind = alli(-1), far = alli(-1);
    for (int k = 0; k < 3; k++) {
        at[k] = look(camera, rows + 3 * LANES * k);
        if (camera->parallel) {
            x[k] = all(camera->cx) + all(camera->sx) * at[k].r;
            y[k] = all(camera->cy) - all(camera->sy) * at[k].u;
            q[k] = all(camera->far) - at[k].f;
        } else {
            q[k] = all(1.0f) / at[k].f;
            x[k] = all(camera->cx) + all(camera->sx) * (at[k].r * q[k]);
            y[k] = all(camera->cy) - all(camera->sy) * (at[k].u * q[k]);
        }
        if (!safe) {
            iv close = at[k].f < all(camera->near);
            iv wide = ~((x[k] > all(-GUARD)) & (x[k] < all(GUARD)) & (y[k] > all(-GUARD)) &
                        (y[k] < all(GUARD)));
            beyond |= close | wide;
            behind &= close;
        }
        far &= at[k].f > all(camera->far);
    }
    wanted &= ~far;
    if (!safe) {
        wanted &= ~behind;
        if (any(beyond & wanted)) cut_lanes(hand, job, at, beyond & wanted, first);
        wanted &= ~beyond;
    }
    iv px[3], py[3];
    for (int k = 0; k < 3; k++) {
        px[k] = snap(pick(wanted, x[k], all(0.0f)));
        py[k] = snap(pick(wanted, y[k], all(0.0f)));
    }
    iv x0 = (leasti(leasti(px[0], px[1]), px[2]) + alli(HALF - 1)) >> 8;
    iv x1 = (mosti(mosti(px[0], px[1]), px[2]) - alli(HALF)) >> 8;
    iv y0 = (leasti(leasti(py[0], py[1]), py[2]) + alli(HALF - 1)) >> 8;
    iv y1 = (mosti(mosti(py[0], py[1]), py[2]) - alli(HALF)) >> 8;
    x0 = mosti(x0, alli(0)), y0 = mosti(y0, alli(0));
    x1 = leasti(x1, alli(camera->width - 1)), y1 = leasti(y1, alli(camera->height - 1));
    wanted &= (x0 <= x1) & (y0 <= y1);
    if (!any(wanted)) return;
    for (int lane = 0; lane < WIDE; lane++) {
        if (!wanted[lane] || clear(job->glass, first + (uint32_t)lane)) continue;
        int64_t area =
            (int64_t)(px[1][lane] - px[0][lane]) * (py[2][lane] - py[0][lane]) -
            (int64_t)(px[2][lane] - px[0][lane]) * (py[1][lane] - py[0][lane]);
        if (area == 0) continue;
        int b = area < 0 ? 2 : 1, c = area < 0 ? 1 : 2;
        Drawn drawn = {
            {px[0][lane], px[b][lane], px[c][lane]},
            {py[0][lane], py[b][lane], py[c][lane]},
            {q[0][lane], q[b][lane], q[c][lane]},
            2 * (int32_t)(first + lane) + (area > 0),
        };
        file_under(hand, job->work, &drawn, y0[lane], y1[lane]);
    }
}

/* 0: cannot be seen; 1: may be; 2: wholly between the near plane and the guard band as well. */
static int sight(const Camera *camera, const float *box) {
    float centre[3], half[3], at[3], reach[3];
    for (int k = 0; k < 3; k++) {
        centre[k] = (0.5f * (box[k] + box[3 + k]) - camera->eye_high[k]) - camera->eye_low[k];
        half[k] = 0.5f * (box[3 + k] - box[k]) * 1.0001f + 1e-5f * fabsf(centre[k]) + 1e-6f;
    }
    for (int k = 0; k < 3; k++) {
        const float *axis = camera->axes + 3 * k;
        at[k] = axis[0] * centre[0] + axis[1] * centre[1] + axis[2] * centre[2];
        reach[k] = fabsf(axis[0]) * half[0] + fabsf(axis[1]) * half[1] + fabsf(axis[2]) * half[2];
    }
    if (at[2] + reach[2] < camera->near || at[2] - reach[2] > camera->far) return 0;
    float w = camera->parallel ? 0.0f : 1.0f, c = camera->parallel ? 1.0f : 0.0f;
    float edges[4][2] = {
        {camera->sx, camera->cx},
        {-camera->sx, (float)camera->width - camera->cx},
        {-camera->sy, camera->cy},
        {camera->sy, (float)camera->height - camera->cy},
    };
    int inside = at[2] - reach[2] > camera->near;
    for (int k = 0; k < 4; k++) {
        int axis = k / 2;
        /* scale * at + (w f + c) * edge >= 0 inside the picture */
        float scale = edges[k][0], edge = edges[k][1];
        const float *a = camera->axes + 3 * axis, *f = camera->axes + 6;
        float value = scale * at[axis] + (w * at[2] + c) * edge, spread = 0, guard = 0;
        float slack = k % 2 == 0 ? GUARD * 0.5f : GUARD * 0.5f;
        for (int m = 0; m < 3; m++) {
            spread += fabsf(scale * a[m] + w * edge * f[m]) * half[m];
            guard += fabsf(scale * a[m] + w * slack * f[m]) * half[m];
        }
        if (value + spread < 0) return 0;
        if (scale * at[axis] + (w * at[2] + c) * slack - guard < 0) inside = 0;
    }
    return inside ? 2 : 1;
}

static void *set_up_clusters(void *argument) {
    Task *task = argument;
    Job *job = task->job;
    Hand *hand = &job->work->hands[task->hand];
    const Scene *scene = job->scene;
    static const int32_t counting[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};
    iv lanes = loadi(counting);
    for (;;) {
        uint32_t begin = atomic_fetch_add(&job->next_cluster, 16);
        if (begin >= scene->clusters || hand->failed) return NULL;
        uint32_t end = begin + 16 < scene->clusters ? begin + 16 : scene->clusters;
        for (uint32_t cluster = begin; cluster < end; cluster++) {
            int seen = sight(job->camera, scene->boxes + (size_t)cluster * 6);
            if (!seen) continue;
            hand->counts.clusters_drawn++;
            uint32_t first = cluster * CLUSTER, last = first + CLUSTER;
            if (last > scene->triangles) last = scene->triangles;
            for (uint32_t at = first; at < last; at += WIDE) {
                iv wanted = lanes < alli((int32_t)(last - at));
                if (seen == 2)
                    block(hand, job, at, wanted, 1);
                else
                    block(hand, job, at, wanted, 0);
            }
        }
    }
}

/* ---- phase two: rows ------------------------------------------------------------------------- */

INLINE void all_pieces(const Job *job, const Layer *layer, int strip, int top, int bottom,
                       int behind) {
    const Workspace *work = job->work;
    for (int other = 0; other < job->threads; other++)
        for (Piece *piece = work->hands[other].bins[strip].first; piece; piece = piece->next)
            for (uint32_t k = 0; k < piece->used; k++)
                draw(&piece->list[k], job->camera, layer, top, bottom, work->stride, behind);
}

static void draw_front(const Job *job, const Layer *layer, int strip, int top, int bottom) {
    all_pieces(job, layer, strip, top, bottom, 0);
}

static void draw_behind(const Job *job, const Layer *layer, int strip, int top, int bottom) {
    all_pieces(job, layer, strip, top, bottom, 1);
}

/* Keep the last layer as the one before; what is not seen through lets nothing pass. Returns
 * whether any pixel is seen through. */
static int look_through(Hand *hand, const Glass *glass, size_t pixels) {
    int any_glass = 0;
    for (size_t k = 0; k < pixels; k++) {
        int32_t name = hand->names[k];
        int through = name != NOTHING && glass->opacity[name >> 1] < 255;
        hand->depth_before[k] = through ? hand->depth[k] : -INFINITY;
        hand->names_before[k] = name;
        any_glass |= through;
    }
    return any_glass;
}

static void show_rows(const Job *job, const Hand *hand, int layer, int top, int bottom) {
    const Camera *camera = job->camera;
    int32_t *picture = job->picture + (size_t)layer * camera->width * camera->height;
    for (int y = top; y < bottom; y++)
        memcpy(picture + (size_t)y * camera->width,
               hand->names + (size_t)(y - top) * job->work->stride,
               (size_t)camera->width * sizeof *picture);
}

static void *draw_strips(void *argument) {
    Task *task = argument;
    Job *job = task->job;
    Workspace *work = job->work;
    Hand *hand = &work->hands[task->hand];
    const Camera *camera = job->camera;
    float farthest = camera->parallel ? 0.0f : 1.0f / camera->far;
    int layers = job->glass == NULL ? 1 : job->glass->layers;
    for (;;) {
        int strip = (int)atomic_fetch_add(&job->next_strip, 1);
        if (strip >= work->strips) return NULL;
        int top = strip * work->strip_rows, bottom = top + work->strip_rows, more = 1;
        if (bottom > camera->height) bottom = camera->height;
        size_t pixels = (size_t)(bottom - top) * work->stride;
        for (int layer = 0; layer < layers; layer++) {
            if (layer > 0) more = more && look_through(hand, job->glass, pixels);
            for (size_t k = 0; k < pixels; k++) hand->depth[k] = farthest, hand->names[k] = NOTHING;
            Layer here = {hand->depth, hand->names, hand->depth_before, hand->names_before};
            if (layer == 0)
                draw_front(job, &here, strip, top, bottom);
            else if (more)
                draw_behind(job, &here, strip, top, bottom);
            show_rows(job, hand, layer, top, bottom);
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void together(Job *job, void *(*work)(void *)) {
    Task tasks[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    int started = 1;
    for (int k = 0; k < job->threads; k++) tasks[k] = (Task){job, k};
    while (started < job->threads &&
           pthread_create(&threads[started], NULL, work, &tasks[started]) == 0)
        started++;
    work(&tasks[0]); /* where no thread can be had, this one does their share */
    for (int k = 1; k < started; k++) pthread_join(threads[k], NULL);
}

static int make_room(Workspace *work, const Camera *camera, int threads, int layers) {
    work->stride = camera->width + LANES;
    int rows = STRIP_BYTES / (work->stride * 8);
    int share = (camera->height + 11) / 12; /* not by threads: the picture must not depend on them */
    work->strip_rows = rows > share ? share : rows;
    if (work->strip_rows < 4) work->strip_rows = 4;
    work->strips = (camera->height + work->strip_rows - 1) / work->strip_rows;
    size_t pixels = (size_t)work->strip_rows * work->stride + LANES;
    for (int k = 0; k < threads; k++) {
        Hand *hand = &work->hands[k];
        free(hand->bins), free(hand->depth), free(hand->names);
        free(hand->depth_before), free(hand->names_before);
        hand->depth_before = layers > 1 ? malloc(pixels * sizeof *hand->depth) : NULL;
        hand->names_before = layers > 1 ? malloc(pixels * sizeof *hand->names) : NULL;
        hand->bins = calloc((size_t)work->strips, sizeof *hand->bins);
        hand->depth = malloc(pixels * sizeof *hand->depth);
        hand->names = malloc(pixels * sizeof *hand->names);
        hand->taken = 0;
        hand->failed = 0;
        hand->counts = (Counts){0, 0, 0};
        if (!hand->bins || !hand->depth || !hand->names) return 0;
        if (layers > 1 && (!hand->depth_before || !hand->names_before)) return 0;
    }
    return 1;
}

/* Draw; `picture` gets, row by row from the top, twice the number of the triangle that a pixel
 * shows, plus one when it is seen from behind, or NOTHING; with glass, as many pictures as it has
 * layers, each showing what is behind that of the one before. Returns 0, 1 without memory, 2 for
 * numbers that no picture has. */
int RASTER(draw)(const Scene *scene, const Camera *camera, Workspace *work, const Glass *glass,
                 int32_t *picture, Counts *counts) {
    if (camera->width < 1 || camera->height < 1 || camera->width > MOST_SIDE ||
        camera->height > MOST_SIDE || scene->triangles >= 1u << 30)
        return 2;
    if (!(camera->near < camera->far) || (!camera->parallel && !(camera->near > 0))) return 2;
    int threads = camera->threads < 1 ? 1 : camera->threads;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    int layers = glass == NULL ? 1 : glass->layers;
    if (layers < 1 || layers > MOST_LAYERS) return 2;
    if (!make_room(work, camera, threads, layers)) return 1;
    Job job = {scene, camera, work, glass, picture, 0, 0, threads};
    together(&job, set_up_clusters);
    *counts = (Counts){0, 0, 0};
    for (int k = 0; k < threads; k++) {
        if (work->hands[k].failed) return 1;
        counts->clusters_drawn += work->hands[k].counts.clusters_drawn;
        counts->triangles_set_up += work->hands[k].counts.triangles_set_up;
        counts->triangles_clipped += work->hands[k].counts.triangles_clipped;
    }
    together(&job, draw_strips);
    return 0;
}

#ifdef RASTER_WORKSPACE
Workspace *raster_workspace(void) { return calloc(1, sizeof(Workspace)); }

void raster_free(Workspace *work) {
    if (work == NULL) return;
    for (int k = 0; k < MOST_THREADS; k++) {
        Hand *hand = &work->hands[k];
        for (size_t m = 0; m < hand->made; m++) free(hand->owned[m]);
        free(hand->owned), free(hand->bins), free(hand->depth), free(hand->names);
        free(hand->depth_before), free(hand->names_before);
    }
    free(work);
}
#endif
