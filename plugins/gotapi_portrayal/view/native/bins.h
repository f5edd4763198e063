/* Triangles that were set up, in bins of pieces that are kept from one picture to the next. */
#ifndef GOTAPI_BINS_H
#define GOTAPI_BINS_H

#include <stdlib.h>

#include "raster.h"
#include "vectors.h"

#define CHUNK 254        /* triangles of a piece of a bin */

typedef struct {
    int32_t x[3], y[3]; /* sub-pixel steps */
    float q[3];         /* 1/distance, or what the far plane leaves of it when parallel */
    int32_t name;       /* twice the triangle's number, plus one when seen from behind */
} Drawn;

typedef struct Piece {
    struct Piece *next;
    uint32_t used;
    uint32_t spare;
    Drawn list[CHUNK];
} Piece;

typedef struct {
    Piece *first, *last;
} Bin;

typedef struct {
    Piece *all;  /* every piece ever made, through `owned` */
    Piece **owned;
    size_t made, taken, room;
    Bin *bins;
    float *depth, *depth_before; /* of a strip; those before: of the layer in front */
    int32_t *names, *names_before;
    Counts counts;
    int failed;
} Hand; /* what one thread works with */

static Piece *take_piece(Hand *hand) {
    if (hand->taken == hand->made) {
        if (hand->made == hand->room) {
            size_t room = hand->room ? 2 * hand->room : 64;
            Piece **owned = realloc(hand->owned, room * sizeof *owned);
            if (owned == NULL) return NULL;
            hand->owned = owned;
            hand->room = room;
        }
        Piece *fresh = malloc(sizeof *fresh);
        if (fresh == NULL) return NULL;
        hand->owned[hand->made++] = fresh;
    }
    Piece *piece = hand->owned[hand->taken++];
    piece->next = NULL;
    piece->used = 0;
    return piece;
}

INLINE void put(Hand *hand, Bin *bin, const Drawn *drawn) {
    Piece *piece = bin->last;
    if (piece == NULL || piece->used == CHUNK) {
        piece = take_piece(hand);
        if (piece == NULL) {
            hand->failed = 1;
            return;
        }
        if (bin->last == NULL)
            bin->first = piece;
        else
            bin->last->next = piece;
        bin->last = piece;
    }
    piece->list[piece->used++] = *drawn;
}

#endif
