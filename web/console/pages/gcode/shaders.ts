/** What the graphics card does with each move. The last place of a line decides how it looks. */

export const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 place;
layout(location = 1) in uint code;
uniform mat4 view;
uniform vec3 palette[16];
uniform vec3 tools[8];
uniform vec3 ramp[5];
uniform vec3 ground;
uniform vec2 span;
uniform int mode;
uniform uint shown;
uniform float dim;
uniform float size;
flat out vec4 paint;

vec3 along(float value) {
  float share = clamp((value - span.x) / max(1e-6, span.y - span.x), 0.0, 1.0) * 4.0;
  int low = int(min(3.0, floor(share)));
  return mix(ramp[low], ramp[low + 1], share - float(low));
}

void main() {
  uint feature = code & 15u;
  vec3 colour = palette[feature];
  if (feature < 13u) {
    if (mode == 1) colour = along(float(code >> 16u) / 10.0);
    if (mode == 2) colour = along(place.z);
    if (mode == 3) colour = tools[(code >> 4u) & 7u];
    float angle = float((code >> 8u) & 255u) / 256.0 * 3.14159265;
    colour *= 0.72 + 0.28 * abs(cos(angle - 0.9)); // walls that face another way look another way
    colour = mix(colour, ground, dim);
  }
  paint = vec4(colour, (shown >> feature) & 1u);
  gl_Position = view * vec4(place, 1.0);
  gl_PointSize = size;
}`;

export const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec4 paint;
out vec4 colour;

void main() {
  if (paint.a < 0.5) discard;
  colour = vec4(paint.rgb, 1.0);
}`;
