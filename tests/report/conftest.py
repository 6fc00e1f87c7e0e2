import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from micro_features.report.axes import SMALL_PT, figure_of


@pytest.fixture
def rendered():
    """Draws a figure and returns its main axes; type must be legible and nothing may lie outside the figure."""

    def render(draw, size):
        figure = figure_of(draw, size)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= SMALL_PT
        box = figure.get_tightbbox(canvas.get_renderer())
        assert min(box.x0, box.y0) >= -0.02
        assert box.x1 <= size[0] + 0.02
        assert box.y1 <= size[1] + 0.02
        return figure.axes[0]

    return render
