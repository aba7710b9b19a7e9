# SPDX-License-Identifier: Apache-2.0
"""Draw a menu with turned and overturned words, for those who have no picture at hand: draw.py OUT.png"""
import sys

from PIL import Image, ImageDraw, ImageFont

WORDS = ["EDGE RUNTIME CAFE", "Espresso", "2.40", "Flat white", "3.80", "Green tea", "3.10", "Lemon cake", "4.50",
         "Open all day!", "upside down note"]


def turned(text, size, colour, degrees):
    strip = Image.new("RGBA", (len(text) * size * 6 // 10, size * 3 // 2), (0, 0, 0, 0))
    ImageDraw.Draw(strip).text((4, 4), text, fill=colour, font=ImageFont.load_default(size))
    return strip.rotate(degrees, expand=True, resample=Image.BICUBIC)


def menu():
    image = Image.new("RGB", (640, 420), (247, 244, 236))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 64), fill=(28, 44, 84))
    draw.text((24, 12), WORDS[0], fill=(255, 240, 200), font=ImageFont.load_default(34))
    for i in range(4):
        for x, word in ((40, WORDS[1 + 2 * i]), (330, WORDS[2 + 2 * i])):
            draw.text((x, 96 + i * 44), word, fill=(30, 30, 30), font=ImageFont.load_default(28))
    for place, word, degrees, colour in (((350, 250), WORDS[9], 14, (190, 40, 40)), ((30, 340), WORDS[10], 180, (40, 90, 60))):
        strip = turned(word, 30, colour, degrees)
        image.paste(strip, place, strip)
    return image


if __name__ == "__main__":
    menu().save(sys.argv[1])
