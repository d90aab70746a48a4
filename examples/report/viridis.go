package main

import (
	"image/color"
	"math"
)

// viridis gives a colour from dark blue (0) to yellow (1) whose lightness grows
// evenly: it is read without colours, too. The anchors are those of
// matplotlib's map of the same name.
func viridis(x float64) color.RGBA {
	anchors := [...][3]float64{
		{68, 1, 84}, {72, 40, 120}, {62, 74, 137}, {49, 104, 142}, {38, 130, 142}, {31, 158, 137},
		{53, 183, 121}, {110, 206, 88}, {181, 222, 43}, {253, 231, 37},
	}
	at := min(max(x, 0), 1) * float64(len(anchors)-1)
	i := min(int(at), len(anchors)-2)
	mix := func(k int) uint8 {
		return uint8(math.Round(anchors[i][k] + (anchors[i+1][k]-anchors[i][k])*(at-float64(i))))
	}
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// onColour is black or white, whichever is read better on a colour.
func onColour(c color.RGBA) color.RGBA {
	linear := func(v uint8) float64 {
		if f := float64(v) / 255; f > 0.04045 {
			return math.Pow((f+0.055)/1.055, 2.4)
		}
		return float64(v) / 255 / 12.92
	}
	if light := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B); light > 0.179 {
		return color.RGBA{0, 0, 0, 255}
	}
	return color.RGBA{255, 255, 255, 255}
}
