"""Writes box.gcode: an open box of 20 x 20 x 4 mm with walls of two lines, for Marlin at 200 °C.

usage: python examples/make_box.py > examples/box.gcode
"""

import math

SIDE, HEIGHT, LAYER, WIDTH = 20.0, 4.0, 0.2, 0.45  # mm
FILAMENT = 1.75  # mm
CENTRE = (110.0, 110.0)  # mm, of a 220 mm bed
PER_MM = LAYER * WIDTH / (math.pi * (FILAMENT / 2) ** 2)  # mm of filament for a mm of line
SPEED, FIRST_SPEED, TRAVEL = 1800, 900, 6000  # mm/min


class Pen:
    """Writes moves and keeps count of the filament."""

    def __init__(self) -> None:
        self.x = self.y = self.filament = 0.0

    def travel(self, x: float, y: float) -> None:
        print(f"G0 X{x:.3f} Y{y:.3f} F{TRAVEL}")
        self.x, self.y = x, y

    def line(self, x: float, y: float, speed: int) -> None:
        self.filament += math.hypot(x - self.x, y - self.y) * PER_MM
        print(f"G1 X{x:.3f} Y{y:.3f} E{self.filament:.5f} F{speed}")
        self.x, self.y = x, y

    def square(self, side: float, speed: int) -> None:
        half = side / 2
        corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
        points = [(CENTRE[0] + x, CENTRE[1] + y) for x, y in corners]
        self.travel(*points[0])
        for x, y in (*points[1:], points[0]):
            self.line(x, y, speed)


def floor(pen: Pen, speed: int) -> None:
    """Fill one layer with parallel lines."""
    half = SIDE / 2 - 2 * WIDTH
    count = int(2 * half / WIDTH)
    for index in range(count + 1):
        y = CENTRE[1] - half + index * WIDTH
        ends = (CENTRE[0] - half, CENTRE[0] + half)
        start, end = ends if index % 2 == 0 else ends[::-1]
        pen.travel(start, y)
        pen.line(end, y, speed)


def main() -> None:
    layers = round(HEIGHT / LAYER)
    print(f"; an open box of {SIDE:g} x {SIDE:g} x {HEIGHT:g} mm")
    print("M140 S60\nM104 S200\nG28\nG90\nM82\nG92 E0\nM190 S60\nM109 S200")
    pen = Pen()
    for layer in range(layers):
        speed = FIRST_SPEED if layer == 0 else SPEED
        print(f";LAYER_CHANGE\n;Z:{(layer + 1) * LAYER:.2f}")
        print(f"M73 P{100 * layer // layers}")
        print(f"G0 Z{(layer + 1) * LAYER:.2f} F{TRAVEL}")
        for wall in (0.5, 1.5):
            pen.square(SIDE - 2 * wall * WIDTH, speed)
        if layer < 3:
            floor(pen, speed)
        if layer == 1:
            print("M106 S255")
    print(f"M73 P100\nM107\nM104 S0\nM140 S0\nG0 Z{HEIGHT + 10:g} F{TRAVEL}\nM84")


if __name__ == "__main__":
    main()
