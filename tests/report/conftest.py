import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from micro_features.report.axes import SMALL_PT, figure_of


def check_drawn(figure):
    """Draw a figure: type must be legible and nothing may lie outside."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= SMALL_PT
    box = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.02
    assert box.x1 <= width + 0.02
    assert box.y1 <= height + 0.02
    return canvas


@pytest.fixture
def rendered():
    """Draws a figure of one axes, looks whether it can be read, and returns its main axes."""

    def render(draw, size):
        figure = figure_of(draw, size)
        check_drawn(figure)
        return figure.axes[0]

    return render


def unseen_labels(figure):
    """Labels of ticks beyond the limits of their axis, which exist and are not drawn."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not (ax.axison and low <= tick.get_loc() <= high):
                    yield from (tick.label1, tick.label2)


@pytest.fixture
def legible():
    """Looks whether a figure can be read, no words over others, and returns its axes by the first word of the title."""

    def look(figure):
        renderer = check_drawn(figure).get_renderer()
        unseen = set(unseen_labels(figure))
        boxes = [
            (text.get_text(), text.get_window_extent(renderer).padded(-1.5))
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in unseen
        ]
        for (one, first), (other, second) in itertools.combinations(boxes, 2):
            assert not first.overlaps(second), f"{one!r} lies over {other!r}"
        return {ax.get_title(loc="left").split(" ")[0]: ax for ax in figure.axes}

    return look
