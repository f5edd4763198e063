/* Vectors of the compiler: lanes of floats and integers, and masks of all ones or all zeros. */
#ifndef GOTAPI_VECTORS_H
#define GOTAPI_VECTORS_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#ifndef WIDE
#define WIDE 4 /* lanes of a vector: 4 wherever there is SSE or NEON, 8 with AVX2 */
#endif
typedef float fv __attribute__((vector_size(4 * WIDE)));
typedef int32_t iv __attribute__((vector_size(4 * WIDE)));

INLINE fv all(float value) { return value - (fv){0}; }
INLINE iv alli(int32_t value) { return value - (iv){0}; }
INLINE fv pick(iv mask, fv yes, fv no) { return (fv)((mask & (iv)yes) | (~mask & (iv)no)); }
INLINE iv picki(iv mask, iv yes, iv no) { return (mask & yes) | (~mask & no); }
INLINE fv least(fv a, fv b) { return pick(a < b, a, b); }
INLINE fv most(fv a, fv b) { return pick(a > b, a, b); }
INLINE iv leasti(iv a, iv b) { return picki(a < b, a, b); }
INLINE iv mosti(iv a, iv b) { return picki(a > b, a, b); }
INLINE fv load(const float *from) {
    fv value;
    memcpy(&value, from, sizeof value);
    return value;
}
INLINE iv loadi(const int32_t *from) {
    iv value;
    memcpy(&value, from, sizeof value);
    return value;
}
INLINE int any(iv mask) { /* of lanes that are all ones or all zeros */
#if defined __AVX2__ && WIDE == 8
    return __builtin_ia32_movmskps256((fv)mask);
#elif defined __SSE2__ && WIDE == 4
    return __builtin_ia32_movmskps((fv)mask);
#else
    int64_t parts[WIDE / 2], sum = 0;
    memcpy(parts, &mask, sizeof parts);
    for (int k = 0; k < WIDE / 2; k++) sum |= parts[k];
    return sum != 0;
#endif
}

#endif
