package parse

import (
	"strings"
	"testing"
)

func TestHiddenStyle(t *testing.T) {
	for style, want := range map[string]bool{
		"display:none": true, "DISPLAY : None !important": true, "visibility: hidden": true, "opacity:0": true, "opacity: 0.01": true, "opacity:5%": true, "content-visibility:hidden": true,
		"font-size:0": true, "font-size: 1px": true, "font-size:0.05em": true, "font: 0/0 a": true, "font-size:1%": true, "transform:scale(0)": true,
		"position:absolute;left:-9999px": true, "position: fixed; top: -1000px": true, "text-indent:-9999px": true, "transform: translateX(-9999px)": true, "margin-left:-10000px": true,
		"clip: rect(0, 0, 0, 0)": true, "clip-path:inset(50%)": true, "width:1px;height:1px;overflow:hidden": true, "max-height:0;overflow:hidden": true,
		"color:transparent": true, "color: rgba(0,0,0,0)": true, "color:#fff0": true, "color:#fff;background:#fefefe": true, "color: white; background-color: rgb(255, 255, 255)": true,
		"color:rgb(100% 100% 100%);background:white no-repeat": true,
		"display:/* */none": true, `display:\6e one`: true, `d\69 splay:\none`: true, `\64\69splay:n\6fne`: true, "filter: opacity(0)": true, "filter:opacity(0%) blur(1px)": true,
		"x:" + strings.Repeat("y", 5000) + ";display:none": true,
		"filter:opacity(0.6)":                              false, "/*display:none*/color:red": false, "/*": false, "\\": false, "display:block;/*": false,
		"": false, "display:block": false, "opacity:0.5": false, "opacity:1": false, "font-size:12px": false, "font-size:0.8em": false, "font: bold 12px/1.5 serif": false, "font: 400 1rem x": false,
		"left:-9999px": false, "position:absolute;left:-10px": false, "text-indent:-20px": false, "transform:scale(0.5)": false, "overflow:hidden;width:100%": false, "overflow:hidden;max-height:1em": false,
		"color:white": false, "color:white;background:#222": false, "color:white;background:url(x.png)": false, "color:transparent;-webkit-background-clip:text": false,
		"color:red": false, "color:var(--x)": false, "color:white;background:linear-gradient(white, black)": false, "font:": false, "nonsense": false,
	} {
		if HiddenStyle(style) != want {
			t.Errorf("HiddenStyle(%q) is not %v", style, want)
		}
	}
}

func TestPaint(t *testing.T) {
	page := Unpainted.Over(map[string]string{"bgcolor": "#FFFFFF"})
	white := map[string]string{"color": "white"}
	if !page.Over(white).Invisible() || page.Over(white).Pale() {
		t.Error("white on a white page")
	}
	if p := page.Over(map[string]string{"class": "hero"}).Over(white); p.Invisible() || !p.Pale() {
		t.Error("white inside of a class on a white page")
	}
	dark := page.Over(map[string]string{"style": "background: navy"})
	if p := dark.Over(white); p.Invisible() || p.Pale() {
		t.Error("white on navy")
	}
	if p := Unpainted.Over(white); p.Invisible() || !p.Pale() {
		t.Error("white on nobody knows what")
	}
	if p := Unpainted.Over(map[string]string{"style": "background-image:url(x)"}).Over(white); p.Invisible() || p.Pale() {
		t.Error("white on an image")
	}
	if p := dark.Over(map[string]string{"style": "color:#000080"}); !p.Invisible() {
		t.Error("navy on navy")
	}
}
