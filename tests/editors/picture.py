"""Draws what a terminal shows as SVG: text with the escape sequences of `tmux capture-pane -e` on standard input."""

import re
import sys
from html import escape

WIDTH, HEIGHT, MARGIN, BAR = 8.4, 18, 10, 28
FOREGROUND, BACKGROUND = "#d4d4d4", "#14161b"
BASIC = ["#14161b", "#f44747", "#6a9955", "#d7ba7d", "#569cd6", "#c586c0", "#4ec9b0", "#d4d4d4"]
BRIGHT = ["#808080", "#ff6b6b", "#8fc97a", "#ffd880", "#7fb8ee", "#e0a6dc", "#7fe5d3", "#ffffff"]


def indexed(number):
    if number < 16:
        return (BASIC + BRIGHT)[number]
    if number >= 232:
        return "#{0:02x}{0:02x}{0:02x}".format(8 + 10 * (number - 232))
    number -= 16
    levels = [0, 95, 135, 175, 215, 255]
    return "#{:02x}{:02x}{:02x}".format(levels[number // 36], levels[number // 6 % 6], levels[number % 6])


def apply(style, codes):
    """One escape sequence's effect on a style."""
    codes = [int(code or 0) for code in re.split("[;:]", codes)] or [0]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = {}
        elif code in (38, 48, 58) and codes:
            key = {38: "fg", 48: "bg", 58: "line"}[code]
            if codes.pop(0) == 5:
                style = {**style, key: indexed(codes.pop(0))}
            else:
                rgb, codes = codes[-3:] if len(codes) < 3 else codes[:3], codes[3:]
                style = {**style, key: "#{:02x}{:02x}{:02x}".format(*rgb)}
        elif code in (1, 2, 3, 4, 7):
            style = {**style, {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}[code]: True}
        elif code in (22, 23, 24, 27):
            gone = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",)}[code]
            style = {key: value for key, value in style.items() if key not in gone}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = {**style, "fg": BASIC[code - 30] if code < 40 else BRIGHT[code - 90]}
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = {**style, "bg": BASIC[code - 40] if code < 50 else BRIGHT[code - 100]}
        elif code in (39, 49, 59):
            gone = {39: "fg", 49: "bg", 59: "line"}[code]
            style = {key: value for key, value in style.items() if key != gone}
    return style


def cells(line, style):
    """The runs of one line, and the style behind it."""
    runs = []
    for text, codes in re.findall(r"([^\x1b]+)|\x1b\[([0-9;:]*)m", line):
        if text:
            runs.append((style, text))
        else:
            style = apply(style, codes)
    return runs, style


def draw(title, lines):
    style, below, above, column = {}, [], [], 0
    for row, line in enumerate(lines):
        runs, style = cells(line, style)
        column, top = 0, BAR + MARGIN + row * HEIGHT
        for look, text in runs:
            front, back = look.get("fg", FOREGROUND), look.get("bg")
            if look.get("reverse"):
                front, back = back or BACKGROUND, front
            x, width = MARGIN + column * WIDTH, len(text) * WIDTH
            if back:
                below.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{HEIGHT}" fill="{back}"/>')
            if look.get("underline"):
                colour = look.get("line", front)
                wave = f"M{x:.1f} {top + 16}" + "q2.1 -2.5 4.2 0t4.2 0" * len(text)
                below.append(f'<path d="{wave}" fill="none" stroke="{colour}"/>')
            if text.strip():
                extra = ' font-weight="bold"' if look.get("bold") else ""
                extra += ' font-style="italic"' if look.get("italic") else ""
                extra += ' opacity=".6"' if look.get("dim") else ""
                place = f'x="{x:.1f}" y="{top + 13}" textLength="{width:.1f}"'
                above.append(f'<text {place} fill="{front}"{extra}>{escape(text)}</text>')
            column += len(text)
    width, height = 2 * MARGIN + 124 * WIDTH, BAR + 2 * MARGIN + len(lines) * HEIGHT
    dots = "".join(f'<circle cx="{18 + 18 * i}" cy="15" r="5.5" fill="{c}"/>' for i, c in enumerate(["#ff5f57", "#febc2e", "#28c840"]))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" role="img">
<title>{escape(title)}</title>
<style>text {{ font: 14px SFMono-Regular, Consolas, "Liberation Mono", Menlo, monospace; white-space: pre }}</style>
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
<rect width="100%" height="{BAR}" rx="8" fill="#2b2d33"/>{dots}
<text x="{width / 2:.0f}" y="20" text-anchor="middle" fill="#a0a0a0">{escape(title)}</text>
{chr(10).join(below)}
{chr(10).join(above)}
</svg>
"""


rows = sys.stdin.read().split("\n")
while rows and not rows[-1].strip():
    rows.pop()
sys.stdout.write(draw(sys.argv[1], rows))
