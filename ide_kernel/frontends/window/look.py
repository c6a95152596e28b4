"""How the window looks: colours, light and dark, fonts, and pictures (3.8+)."""
import base64
import tkinter
from tkinter import font, ttk

from .. import pictures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

LIGHT = {
    "ground": "#ffffff", "panel": "#f6f8fa", "edge": "#d8dee4", "text": "#1f2328", "dim": "#656d76", "off": "#a8b0b9",
    "accent": "#0969da", "hover": "#e7ebef", "press": "#d8dee4", "selection": "#b6d8ff", "warn": "#fff4d6", "thumb": "#c4cbd2",
    "stdout": "#1f2328", "stderr": "#a40e26", "prompt": "#0969da", "code": "#0a3069", "answer": "#8a4600", "note": "#656d76",
    "palette": "#24292f #cf222e #116329 #8a6100 #0969da #8250df #1b7c83 #6e7781 "
               "#818b98 #e5534b #1a7f37 #bf8700 #218bff #a475f9 #3192aa #8c959f",
}
DARK = {
    "ground": "#0d1117", "panel": "#161b22", "edge": "#2b323b", "text": "#e6edf3", "dim": "#8d96a0", "off": "#4d555f",
    "accent": "#58a6ff", "hover": "#262d36", "press": "#323a44", "selection": "#1f4b80", "warn": "#3a2d12", "thumb": "#3d454f",
    "stdout": "#e6edf3", "stderr": "#ff9a92", "prompt": "#58a6ff", "code": "#a5d6ff", "answer": "#e3b341", "note": "#8d96a0",
    "palette": "#484f58 #ff7b72 #3fb950 #d29922 #58a6ff #bc8cff #39c5cf #b1bac4 "
               "#6e7681 #ffa198 #56d364 #e3b341 #79c0ff #d2a8ff #56d4dd #ffffff",
}

#: The first that is there; Tk's own choice where none is.
_CODE_FONTS = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "Menlo", "Consolas", "Ubuntu Mono", "Noto Sans Mono",
               "DejaVu Sans Mono", "Liberation Mono")
_WORD_FONTS = ("Inter", "SF Pro Text", "Segoe UI", "Cantarell", "Ubuntu", "Noto Sans", "DejaVu Sans", "Liberation Sans")

_SVG = ('<svg viewBox="0 0 16 16"><g fill="none" stroke="#000000" stroke-width="1.6" stroke-linecap="round">%s</g></svg>')
#: What stands on the buttons.
SHAPES = {
    "interrupt": '<rect x="3.5" y="3.5" width="9" height="9" fill="#000000"/>',
    "where": '<circle cx="8" cy="8" r="4.6"/><path d="M8 1v4M8 11v4M1 8h4M11 8h4"/>',
    "restart": '<path d="M12.9 9.6a5.2 5.2 0 1 1-1.3-5.4"/><path d="M12.2 1.2v3.4h-3.4"/>',
    "terminate": '<path d="M8 1.6v5.6"/><path d="M4.4 4.2a5.4 5.4 0 1 0 7.2 0"/>',
    "kill": '<path d="M3.5 3.5l9 9M12.5 3.5l-9 9"/>',
    "theme": '<circle cx="8" cy="8" r="5.6"/><path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="#000000"/>',
}


def mix(colour, other, part):
    # type: (str, str, float) -> str
    """A colour between two: ``part`` of the other one."""
    one, two = [[int(text[at:at + 2], 16) for at in (1, 3, 5)] for text in (colour, other)]
    return "#%02x%02x%02x" % tuple(int(a + (b - a) * part + 0.5) for a, b in zip(one, two))


class Look(object):
    """The present look; what is drawn with it registers with `follow` to be drawn again when it changes.

    Attributes:
        code, bold, italic, both, words, title, small: fonts; they change their size by themselves.
    """

    def __init__(self, root, dark=False):
        # type: (tkinter.Tk, bool) -> None
        self._root = root
        self._colours = DARK if dark else LIGHT
        self._followers = []  # type: List[Callable[[], Any]]
        self._images = {}  # type: Dict[Any, tkinter.PhotoImage]
        there = set(font.families(root))
        code = next((name for name in _CODE_FONTS if name in there), font.nametofont("TkFixedFont").actual("family"))
        words = next((name for name in _WORD_FONTS if name in there), font.nametofont("TkDefaultFont").actual("family"))
        self._size = 11
        self.code = font.Font(root, family=code, size=11)
        self.bold = font.Font(root, family=code, size=11, weight="bold")
        self.italic = font.Font(root, family=code, size=11, slant="italic")
        self.both = font.Font(root, family=code, size=11, weight="bold", slant="italic")
        self.words = font.Font(root, family=words, size=10)
        self.title = font.Font(root, family=words, size=11, weight="bold")
        self.small = font.Font(root, family=words, size=9)
        self.follow(self._style)

    def __getitem__(self, name):
        # type: (str) -> str
        return self._colours[name]

    @property
    def dark(self):
        # type: () -> bool
        """Whether it is the dark one."""
        return self._colours is DARK

    def follow(self, draw):
        # type: (Callable[[], Any]) -> None
        """Call ``draw()`` now, and whenever the colours change."""
        self._followers.append(draw)
        draw()

    def toggle(self):
        # type: () -> None
        """From light to dark and back."""
        self._colours = LIGHT if self.dark else DARK
        for draw in self._followers:
            draw()

    def zoom(self, step):
        # type: (int) -> None
        """Make code larger or smaller; 0 for the size of the beginning."""
        self._size = max(6, min(32, self._size + step if step else 11))
        for each in (self.code, self.bold, self.italic, self.both):
            each.configure(size=self._size)

    def colour(self, colour, on_colour=False):
        # type: (Any, bool) -> Any
        """A colour of a `styles.Style` as Tk has it; on a ground of the program's own choice, white is white and black black."""
        if on_colour and colour in (0, 7, 15):
            return {0: "#000000", 7: "#d0d7de", 15: "#ffffff"}[colour]
        return self["palette"].split()[colour] if isinstance(colour, int) else colour

    def on_ground(self, colour):
        # type: (str) -> str
        """An icon's colour such that it can be seen on the present ground."""
        return mix(colour, "#ffffff", 0.35) if self.dark else colour

    def picture(self, svg, size, old=None, new=None):
        # type: (Any, int, Any, Any) -> tkinter.PhotoImage
        """An SVG as an image, with one of its colours changed.

        Raises:
            pictures.Unknown: it cannot be drawn.
        """
        key = (svg, size, new)
        if key not in self._images:
            data = pictures.png(svg if old is None else svg.replace(old, new), size)
            self._images[key] = tkinter.PhotoImage(master=self._root, data=base64.b64encode(data))
        return self._images[key]

    def button_picture(self, name, colour):
        # type: (str, str) -> tkinter.PhotoImage
        """The picture of a button, in one of our colours."""
        return self.picture(_SVG % SHAPES[name], self.words.metrics("linespace"), "#000000", self[colour])

    def _style(self):
        # type: () -> None
        style = ttk.Style(self._root)
        style.theme_use("clam")
        self._root.configure(background=self["panel"])
        style.configure(".", background=self["panel"], foreground=self["text"], font=self.words, borderwidth=0,
                        focuscolor=self["accent"])
        style.configure("Tool.TButton", background=self["panel"], padding=(9, 5), relief="flat", anchor="center", width=0)
        style.map("Tool.TButton", background=[("disabled", self["panel"]), ("pressed", self["press"]), ("active", self["hover"])],
                  foreground=[("disabled", self["off"])])
        layout = [("Button.border", {"sticky": "nswe", "border": "0", "children": [
            ("Button.padding", {"sticky": "nswe", "children": [("Button.label", {"sticky": "nswe"})]})]})]  # type: Any
        style.layout("Tool.TButton", layout)
        style.layout("Offer.TButton", layout)
        style.configure("Offer.TButton", background=self["accent"], foreground=self["ground"], padding=(12, 4), relief="flat",
                        width=0)
        style.map("Offer.TButton", background=[("active", mix(self["accent"], self["text"], 0.2))])
        style.configure("Title.TLabel", font=self.title)
        style.configure("Dim.TLabel", foreground=self["dim"])
        style.configure("Small.TLabel", foreground=self["dim"], font=self.small)
        style.configure("Warn.TFrame", background=self["warn"])
        style.configure("Warn.TLabel", background=self["warn"])
        style.configure("Ground.TFrame", background=self["ground"])
        style.configure("Edge.TFrame", background=self["edge"])
        style.configure("Vertical.TScrollbar", background=self["thumb"], troughcolor=self["ground"], bordercolor=self["ground"],
                        lightcolor=self["thumb"], darkcolor=self["thumb"], gripcount=0, width=10)
        style.map("Vertical.TScrollbar", background=[("disabled", self["ground"]), ("active", self["dim"])],
                  lightcolor=[("disabled", self["ground"])], darkcolor=[("disabled", self["ground"])])
        layout = [("Vertical.Scrollbar.trough", {"sticky": "ns", "children": [
            ("Vertical.Scrollbar.thumb", {"expand": "1", "sticky": "nswe"})]})]
        style.layout("Vertical.TScrollbar", layout)
