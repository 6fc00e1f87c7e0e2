"""Every storage form gives the pixels that were stored; everything broken is refused in one line."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from micro_features.data import Picture
from micro_features.errors import ImageError
from micro_features.files.images import count_pages, grey_levels, read_picture

RNG = np.random.default_rng(7)
# Not square and without symmetry, so that every turn, flip and mix-up of axes shows.
GREY = (np.add.outer(np.arange(40) * 3, np.arange(56) * 2) + RNG.integers(0, 20, (40, 56))).astype(np.uint8)
RGB = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)
DEEP = GREY.astype(np.uint16) * 257


def write(folder: Path, name: str, pixels: np.ndarray, **options) -> Path:
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


def write_tiff(folder: Path, pixels: np.ndarray, name: str = "a.tif", **options) -> Path:
    path = folder / name
    tifffile.imwrite(path, pixels, **options)
    return path


def refused(path: Path, **options) -> str:
    with pytest.raises(ImageError) as caught:
        read_picture(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert repr(str(path)) in text
    return text


# --- accepted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
@pytest.mark.parametrize("pixels", [GREY, RGB], ids=["grey", "rgb"])
def test_lossless_formats_give_the_stored_pixels(tmp_path, suffix, pixels):
    picture = read_picture(write(tmp_path, f"a.{suffix}", pixels))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.full_scale == 255
    assert (picture.page, picture.n_pages) == (0, 1)


def test_jpeg(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
    picture = read_picture(write(tmp_path, "a.jpg", smooth, quality=95))
    assert picture.pixels.shape == smooth.shape
    assert np.abs(picture.pixels.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("brightest", "full_scale"), [(200, 255), (1000, 4095), (4095, 4095), (4096, 16383), (65535, 65535)]
)
def test_full_scale_of_16_bits_follows_the_used_bits(tmp_path, suffix, brightest, full_scale):
    pixels = np.linspace(0, brightest, GREY.size).reshape(GREY.shape).astype(np.uint16)
    picture = read_picture(write(tmp_path, f"a.{suffix}", pixels))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.full_scale == full_scale
    image, finite = grey_levels(picture)
    assert image.max() == np.float32(brightest / full_scale)
    assert finite.all()


def test_16_bit_colour_png_keeps_its_16_bits(tmp_path):
    cv2 = pytest.importorskip("cv2")
    deep = np.stack([DEEP, DEEP // 2, DEEP // 3], axis=-1)
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", deep[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(read_picture(path).pixels, deep)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_palettes_and_single_bits_become_grey_levels(tmp_path, suffix):
    palette = Image.fromarray(255 - GREY, "P")
    palette.putpalette(np.repeat(np.arange(256)[::-1].astype(np.uint8), 3).tobytes())
    palette.save(tmp_path / f"p.{suffix}")
    image, _ = grey_levels(read_picture(tmp_path / f"p.{suffix}"))
    np.testing.assert_array_equal(image, GREY.astype(np.float32) / np.float32(255))

    Image.fromarray(GREY > 100).save(tmp_path / f"b.{suffix}")
    np.testing.assert_array_equal(read_picture(tmp_path / f"b.{suffix}").pixels, np.where(GREY > 100, 255, 0))


def test_palette_of_colours(tmp_path):
    palette = Image.fromarray(GREY, "P")
    palette.putpalette(RNG.integers(0, 255, 768).astype(np.uint8).tobytes())
    palette.save(tmp_path / "p.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif").pixels, np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("colour", [GREY, RGB], ids=["grey", "rgb"])
def test_alpha(tmp_path, suffix, colour):
    layers = [colour] if colour.ndim == 2 else [colour[..., k] for k in range(3)]
    opaque = write(tmp_path, f"o.{suffix}", np.stack([*layers, np.full_like(GREY, 255)], axis=-1))
    np.testing.assert_array_equal(read_picture(opaque).pixels, colour)  # as if there were none
    alpha = np.full_like(GREY, 255)
    alpha[:5], alpha[5:9] = 0, 51
    picture = read_picture(write(tmp_path, f"a.{suffix}", np.stack([*layers, alpha], axis=-1)))
    assert np.isnan(picture.pixels[:5]).all()
    np.testing.assert_allclose(picture.pixels[5:9], colour[5:9] / 255 * 0.2, atol=1e-6)
    np.testing.assert_allclose(picture.pixels[9:], colour[9:] / 255, atol=1e-6)
    _, finite = grey_levels(picture)
    np.testing.assert_array_equal(finite, alpha > 0)
    nothing = write(tmp_path, f"n.{suffix}", np.stack([*layers, np.zeros_like(GREY)], axis=-1))
    np.testing.assert_array_equal(read_picture(nothing).pixels, colour)  # a writer that never filled it in


def test_palette_of_8_bit_entries(tmp_path):
    inverse = np.repeat(np.arange(255, -1, -1, dtype=np.uint16)[np.newaxis], 3, axis=0)
    for name, palette in (("a.tif", inverse * 257), ("b.tif", inverse)):  # by the standard, and not
        path = write_tiff(tmp_path, GREY, name, photometric="palette", colormap=palette)
        np.testing.assert_array_equal(read_picture(path).pixels, 255 - GREY)


@pytest.mark.parametrize(("bits", "pixels"), [(4, GREY // 64), (12, DEEP // 256)])
def test_packed_bits_state_their_full_scale(tmp_path, bits, pixels):
    picture = read_picture(write_tiff(tmp_path, pixels, bitspersample=bits))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.full_scale == 2**bits - 1


def test_alpha_that_was_multiplied_in_is_not_applied_twice(tmp_path):
    alpha = np.full_like(GREY, 51)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    for kind, factor in (("unassalpha", 0.2), ("assocalpha", 1)):
        path = write_tiff(tmp_path, np.stack([GREY, alpha], axis=-1), extrasamples=[kind], **options)
        np.testing.assert_allclose(read_picture(path).pixels, GREY / 255 * factor, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_undone(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(GREY)
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(read_picture(write(tmp_path, "a.png", GREY, exif=exif)).pixels, upright)
    tiff = write_tiff(tmp_path, GREY, extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(read_picture(tiff).pixels, upright)
    jpeg = write(tmp_path, "a.jpg", GREY, exif=exif, quality=100)
    assert np.abs(read_picture(jpeg).pixels.astype(int) - upright).mean() < 1


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">"},
        {"rowsperstrip": 7},
        {"tile": (16, 32)},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "packbits"},
        {"compression": "zstd", "rowsperstrip": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("pixels", [GREY, DEEP, RGB], ids=["8", "16", "rgb"])
def test_kinds_of_tiff(tmp_path, options, pixels):
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    path = write_tiff(tmp_path, pixels, photometric=photometric, **options)
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)


def test_planes_stored_one_after_the_other(tmp_path):
    path = write_tiff(tmp_path, np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_picture(path).pixels, RGB)


def test_jpeg_compressed_tiff(tmp_path):
    path = write_tiff(tmp_path, GREY, compression="jpeg", compressionargs={"level": 100})
    assert np.abs(read_picture(path).pixels.astype(int) - GREY).max() <= 3


def test_jpeg_compressed_colour_tiff(tmp_path):
    smooth = np.stack([np.add.outer(np.arange(64) * k, np.arange(80)) for k in (1, 2, 0)], axis=-1).astype(np.uint8)
    written_by_libtiff = write(tmp_path, "a.tif", smooth, compression="jpeg", quality=95)
    written_by_tifffile = write_tiff(tmp_path, smooth, "b.tif", photometric="rgb", compression="jpeg")
    for path in (written_by_libtiff, written_by_tifffile):
        with Image.open(path) as witness:
            np.testing.assert_allclose(read_picture(path).pixels, np.asarray(witness.convert("RGB")), atol=2)
        assert np.abs(read_picture(path).pixels.astype(int) - smooth).mean() < 3


def test_vendor_tags_are_found(tmp_path):
    zeiss = "\r\n".join(
        ["0", "0", "0", "1e-8", "AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 9.766 nm", "AP_WD", "WD = 4.6 mm"]
    )
    tescan = b"\x02\0\0\0\x01\0PixelSizeX=1e-7\r\nNote=caf\xc3\xa9\n\0\x03\0HV=5000\n"
    xml = '<FeiImage><pixelWidth unit="nm">67.5</pixelWidth></FeiImage>'
    helios = "[Scan]\r\nPixelWidth=3.3724e-06\r\n[Image]\r\nResolutionX=56\r\n"
    tags = read_picture(
        write_tiff(
            tmp_path,
            GREY,
            extratags=[
                (34118, "s", 0, zeiss, True),
                (34682, "s", 0, helios, True),
                (34683, "s", 0, xml, True),
                (50431, "B", len(tescan), tescan, True),
                (65003, "s", 0, "nm", True),
                (65009, "d", 1, 2.5, True),
            ],
        )
    ).tags
    assert tags["zeiss"]["ap_image_pixel_size"] == ("Image Pixel Size", 9.766, "nm")
    assert tags["fei"]["Scan"]["PixelWidth"] == 3.3724e-06
    assert tags["fei_xml"]["xml"] == xml
    assert tags["tescan"] == {"PixelSizeX": "1e-7", "Note": "café", "HV": "5000"}
    assert tags["gatan"] == {"unit": "nm", "scale": 2.5}
    assert "imagej" not in tags

    options = {"imagej": True, "resolution": (4.0, 4.0), "metadata": {"unit": "um"}}
    tags = read_picture(write_tiff(tmp_path, GREY, "i.tif", **options)).tags
    assert tags["imagej"] == {"unit": "um", "pixels_per_unit": 4.0}

    ome = {"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"}
    tags = read_picture(write_tiff(tmp_path, GREY, "o.ome.tif", metadata=ome)).tags
    assert 'PhysicalSizeX="0.25"' in tags["ome"]["xml"]

    path = write(tmp_path, "p.jpg", GREY)
    path.write_bytes(path.read_bytes() + b"\0<?xml?>" + xml.encode())
    assert read_picture(path).tags["fei_xml"]["xml"] == xml


def test_tags_of_the_first_page_hold_for_pages_of_its_size(tmp_path):
    path = tmp_path / "a.tif"
    tescan = b"PixelSizeX=1e-7\n"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(GREY, metadata=None, extratags=[(50431, "B", len(tescan), tescan, True)])
        tiff.write(GREY, metadata=None)
        tiff.write(GREY[:, :33], metadata=None)
    assert [list(read_picture(path, k).tags) for k in range(3)] == [["tescan"], ["tescan"], []]


@pytest.mark.parametrize("pixels", [GREY, DEEP // 16, GREY / np.float32(255)], ids=["8", "12", "float"])
def test_min_is_white_is_inverted(tmp_path, pixels):
    plain, _ = grey_levels(read_picture(write_tiff(tmp_path, pixels, "p.tif")))
    image, _ = grey_levels(read_picture(write_tiff(tmp_path, pixels, "m.tif", photometric="miniswhite")))
    np.testing.assert_allclose(image, 1 - plain, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int32", "int64", "uint32"])
def test_other_number_types_keep_their_picture(tmp_path, dtype):
    values = (GREY.astype(float) - 20).astype(dtype) if dtype != "uint32" else GREY.astype(dtype) * 1000
    image, finite = grey_levels(read_picture(write_tiff(tmp_path, values)))
    low, high = float(values.min()), float(values.max())
    np.testing.assert_allclose(image, (values.astype(float) - low) / (high - low), atol=1e-6)
    assert finite.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_are_marked(tmp_path, bad):
    values = GREY.astype(np.float32)
    values[3:6, 10:20] = bad
    image, finite = grey_levels(read_picture(write_tiff(tmp_path, values)))
    assert not finite[3:6, 10:20].any()
    assert finite.sum() == finite.size - 30
    assert (image[~finite] == 0).all()
    assert image[finite].min() == 0
    assert image[finite].max() == 1


def test_one_colour(tmp_path):
    image, finite = grey_levels(read_picture(write_tiff(tmp_path, np.full((40, 40), 7.5, np.float32))))
    assert (image == 0).all()
    assert finite.all()
    image, _ = grey_levels(read_picture(write(tmp_path, "a.png", np.full((40, 40), 51, np.uint8))))
    np.testing.assert_allclose(image, 0.2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_becomes_luminance_and_equal_channels_stay_exact(dtype):
    full = np.iinfo(dtype).max
    grey = np.arange(full + 1, dtype=dtype).reshape(32, -1)
    image, _ = grey_levels(Picture(np.repeat(grey[..., np.newaxis], 3, axis=2), full))
    np.testing.assert_array_equal(image, grey.astype(np.float32) / np.float32(full))
    primaries = np.zeros((32, 96, 3), dtype)
    for k in range(3):
        primaries[:, 32 * k : 32 * k + 32, k] = full
    image, _ = grey_levels(Picture(primaries, full))
    np.testing.assert_allclose(image[0, ::32], [0.299, 0.587, 0.114], atol=0.5 / 255)


def test_pages_are_read_one_by_one_and_thumbnails_are_none(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for k in range(3):
            tiff.write(GREY + np.uint8(k), subifds=0, metadata=None)
            tiff.write(GREY[::2, ::2] if k else GREY, subfiletype=1, metadata=None)
    assert count_pages(path) == 3
    for k in range(3):
        picture = read_picture(path, k)
        np.testing.assert_array_equal(picture.pixels, GREY + np.uint8(k))
        assert (picture.page, picture.n_pages) == (k, 3)
    assert "3 pages, no page 4" in refused(path, page=3)


def test_stack_written_as_one_array_has_its_pages(tmp_path):
    stack = np.stack([GREY, GREY[::-1], 255 - GREY, GREY[:, ::-1]])
    for name, options in (("a.tif", {}), ("i.tif", {"imagej": True})):
        path = write_tiff(tmp_path, stack, name, photometric="minisblack", **options)
        assert count_pages(path) == 4
        np.testing.assert_array_equal(read_picture(path, 2).pixels, stack[2])


@pytest.mark.parametrize(
    "name", ["a b.png", "µ-λ-中.png", 'it\'s "so", ok.png', "two\nlines.png", "-rf.png", "%s{0}.png"]
)
def test_odd_names(tmp_path, name):
    np.testing.assert_array_equal(read_picture(write(tmp_path, name, GREY)).pixels, GREY)
    (tmp_path / name).write_bytes(b"no picture at all")
    refused(tmp_path / name)


def test_suffix_does_not_matter(tmp_path):
    for suffix in ("png", "jpg", "bmp", "tif"):
        path = write(tmp_path, f"a.{suffix}", GREY)
        wrong = path.rename(tmp_path / f"{suffix}.wrong")
        assert read_picture(wrong).pixels.shape == GREY.shape
        assert count_pages(wrong) == 1


def test_hash_is_of_the_file(tmp_path):
    path = write(tmp_path, "a.tif", GREY)
    assert read_picture(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_print_resolution(tmp_path, suffix):
    assert read_picture(write(tmp_path, f"a.{suffix}", GREY, dpi=(254, 254))).dpi == pytest.approx(254, abs=0.02)
    assert read_picture(write(tmp_path, f"c.{suffix}", GREY, dpi=(1, 1))).dpi is None  # the shape of a pixel only
    if suffix != "bmp":  # a BMP always states one
        assert read_picture(write(tmp_path, f"b.{suffix}", GREY)).dpi is None


def test_print_resolution_per_centimetre(tmp_path):
    path = write_tiff(tmp_path, GREY, resolution=(100, 100), resolutionunit="CENTIMETER")
    assert read_picture(path).dpi == pytest.approx(254)
    assert read_picture(write_tiff(tmp_path, GREY, resolution=(100, 100), resolutionunit="NONE")).dpi is None


# --- refused --------------------------------------------------------------------------------------------------------


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "tif":
        tifffile.imwrite(buffer, GREY)
    elif kind == "strips":
        tifffile.imwrite(buffer, DEEP, rowsperstrip=3, compression="zlib", metadata=None)
    elif kind in ("tiles", "lzw", "packbits"):
        options = {"tile": (16, 16)} if kind == "tiles" else {"compression": kind, "rowsperstrip": 3}
        tifffile.imwrite(buffer, DEEP, metadata=None, **options)
    elif kind == "end":  # the directory behind the pixels, as libtiff writes
        Image.fromarray(RGB).save(buffer, "TIFF", compression="tiff_lzw")
    elif kind == "pages":
        tifffile.imwrite(buffer, np.stack([GREY, GREY]), photometric="minisblack")
    else:
        Image.fromarray(GREY).save(buffer, kind.upper())
    return buffer.getvalue()


KINDS = ("png", "jpeg", "bmp", "tif", "strips", "tiles", "lzw", "packbits", "end", "pages")
ENCODED = {kind: encoded(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", ENCODED)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
def test_truncated_files_are_refused(tmp_path, kind, share):
    path = tmp_path / "a.bin"
    path.write_bytes(ENCODED[kind][: int(share * len(ENCODED[kind]))])
    refused(path)


def test_a_png_without_its_end(tmp_path):
    (tmp_path / "a.png").write_bytes(ENCODED["png"][:-12])
    assert "without its end" in refused(tmp_path / "a.png")


def test_a_directory_that_lost_its_last_bytes_is_not_read_with_defaults(tmp_path):
    path = tmp_path / "a.bin"
    for n_lost in range(1, 200):
        path.write_bytes(ENCODED["end"][:-n_lost])
        refused(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(ENCODED)), share=st.floats(0, 1))
def test_a_cut_file_is_refused_or_whole(tmp_path, kind, share):
    path = tmp_path / "a.bin"
    path.write_bytes(ENCODED[kind])
    whole = read_picture(path)
    path.write_bytes(ENCODED[kind][: int(share * len(ENCODED[kind]))])
    try:
        cut = read_picture(path)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        np.testing.assert_array_equal(cut.pixels, whole.pixels)
        assert cut.n_pages == whole.n_pages


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(ENCODED)), where=st.floats(0, 1), bit=st.integers(0, 7))
def test_a_damaged_byte_raises_nothing_but_image_errors(tmp_path, kind, where, bit):
    data = bytearray(ENCODED[kind])
    data[int(where * (len(data) - 1))] ^= 1 << bit
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    try:
        grey_levels(read_picture(path, max_pixels=1_000_000))
    except ImageError as error:
        assert "\n" not in str(error)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0+"]), st.binary(max_size=200)
)
def test_noise_raises_nothing_but_image_errors(tmp_path, magic, noise):
    path = tmp_path / "a.bin"
    path.write_bytes(magic + noise)
    with pytest.raises(ImageError):
        read_picture(path)


def test_what_is_no_picture(tmp_path):
    path = tmp_path / "a.png"
    for data, reason in (
        (b"", "is empty"),
        (b"hello", "not an image that is known"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"GIF89a........", "a GIF"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "0 x 0 pixels"),
    ):
        path.write_bytes(data)
        assert reason in refused(path)
    assert "a folder" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="can not be opened"):
        read_picture(tmp_path / "nul\0l.png")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "folder or device" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(31, 64), (64, 31), (1, 1)])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_too_small(tmp_path, shape, suffix):
    assert "at least 32 on a side" in refused(write(tmp_path, f"a.{suffix}", np.zeros(shape, np.uint8)))
    assert read_picture(write(tmp_path, f"b.{suffix}", np.zeros((32, 32), np.uint8))).pixels.shape == (32, 32)


def png_header(cols: int, rows: int, *more: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def bomb(kind: str, cols: int, rows: int) -> bytes:
    if kind == "png":
        return png_header(cols, rows)
    if kind == "bmp":
        return (
            b"BM"
            + struct.pack("<IHHI", 54, 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, cols, rows, 1, 24, 0, 0, 0, 0, 0, 0)
        )
    if kind == "jpg":
        small = ENCODED["jpeg"]
        at = small.index(b"\xff\xc0") + 5
        return small[:at] + struct.pack(">HH", rows, cols) + small[at + 4 :]
    entries = [
        (256, 4, cols),
        (257, 4, rows),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, rows),
        (279, 4, 9),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind_, 1, value) for tag, kind_, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + body + struct.pack("<I", 0)


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "tif"])
def test_a_header_bomb_is_not_decoded(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.img"
    path.write_bytes(bomb(kind, 60000, 60000))
    for decoder in ("imagecodecs.png_decode", "PIL.ImageFile.ImageFile.load", "tifffile.TiffPage.asarray"):
        monkeypatch.setattr(decoder, lambda *_, **__: pytest.fail("decoded"))
    assert "60000 x 60000" in refused(path)
    path.write_bytes(bomb(kind, 600, 600))  # decoded, were it not for its size
    with pytest.raises(pytest.fail.Exception):
        read_picture(path)


def test_max_pixels_is_the_bound(tmp_path):
    path = write(tmp_path, "a.png", GREY)
    assert read_picture(path, max_pixels=GREY.size).pixels.shape == GREY.shape
    assert "max_pixels" in refused(path, max_pixels=GREY.size - 1)


def test_text_that_unpacks_without_end_is_refused(tmp_path):
    body = b"Comment\0\0" + zlib.compress(bytes(50_000_000), 1)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    path = tmp_path / "a.png"
    path.write_bytes(png_header(64, 64, chunk))
    tracemalloc.start()
    refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_animations(tmp_path):
    frames = [Image.fromarray(np.full_like(GREY, k)) for k in (1, 2)]
    for name in ("a.gif", "a.png", "a.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    assert "a GIF" in refused(tmp_path / "a.gif")
    assert "an animation" in refused(tmp_path / "a.png")
    assert "WebP" in refused(tmp_path / "a.webp")


def test_colours_for_print(tmp_path):
    cmyk = Image.fromarray(RGB).convert("CMYK")
    for name in ("a.jpg", "a.tif"):
        cmyk.save(tmp_path / name)
        assert "CMYK" in refused(tmp_path / name)


def test_sparse_tiff(tmp_path):
    path = write_tiff(tmp_path, GREY, rowsperstrip=8, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        offsets = tiff.pages[0].tags[273]
    data = bytearray(path.read_bytes())
    data[offsets.valueoffset : offsets.valueoffset + 4] = bytes(4)
    path.write_bytes(data)
    assert "1 of 5 parts of the picture are missing" in refused(path)


def test_tiffs_that_hold_no_picture(tmp_path):
    nan = write_tiff(tmp_path, np.full((40, 40), np.nan, np.float32), "n.tif")
    assert "no pixel with a finite value" in refused(nan)
    assert "complex" in refused(write_tiff(tmp_path, GREY.astype(np.complex64), "c.tif"))
    volume = write_tiff(tmp_path, np.zeros((16, 64, 64), np.uint8), "v.tif", volumetric=True, photometric="minisblack")
    assert "volume of 16 slices" in refused(volume)
    channels = write_tiff(
        tmp_path, np.zeros((64, 64, 5), np.uint8), "m.tif", photometric="minisblack", planarconfig="contig"
    )
    assert "5 channels" in refused(channels)
    ycbcr = write_tiff(tmp_path, RGB, "y.tif", photometric="ycbcr")
    assert "YCbCr without JPEG" in refused(ycbcr)
    stack = write_tiff(tmp_path, np.stack([GREY] * 4), "s.tif", imagej=True, truncate=True)
    assert "stack with one header" in refused(stack)


@pytest.mark.parametrize("beyond", [0, 4, 300])
def test_a_truncated_page_does_not_vanish(tmp_path, beyond):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, metadata=None)
    one = path.stat().st_size
    tifffile.imwrite(path, GREY, metadata=None, append=True)
    assert count_pages(path) == 2
    path.write_bytes(path.read_bytes()[: one + beyond])
    with pytest.raises(ImageError, match="truncated"):
        [read_picture(path, page) for page in range(count_pages(path))]


def test_reading_says_nothing_but_errors(tmp_path, capfd, recwarn):
    exif = Image.Exif()
    exif[0x0112] = 6
    cut = exif.tobytes()[:-7]  # Pillow warns of it, and so it must, on its own
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.Exif().load(cut)
    read_picture(write(tmp_path, "a.jpg", GREY, exif=cut))
    write_tiff(tmp_path, GREY, extratags=[(34118, "s", 0, "garbage", True), (50431, "B", 3, b"\xff\xff\xff", True)])
    read_picture(tmp_path / "a.tif")
    for kind, data in ENCODED.items():
        (tmp_path / kind).write_bytes(data[: len(data) // 2])
        with pytest.raises(ImageError):
            read_picture(tmp_path / kind)
    assert capfd.readouterr() == ("", "")
    assert not recwarn


def test_the_readers_own_log_is_not_printed(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(ENCODED["pages"][:-400])
    code = (
        "import sys, pathlib; from micro_features.files.images import count_pages\n"
        "try: count_pages(pathlib.Path(sys.argv[1]))\n"
        "except ValueError as error: print(error)"
    )
    # In a process of its own: pytest takes hold of logging before anything is printed.
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "truncated" in done.stdout
    assert done.stderr == ""


def test_strips_in_odd_order_that_were_cut(tmp_path):
    """Strips whose order in the file is not that in the picture are read one by one."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, GREY, rowsperstrip=20, metadata=None)
    data = bytearray(buffer.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        where = tiff.pages[0].tags[273].valueoffset
        first, second = tiff.pages[0].dataoffsets
    data[where : where + 8] = struct.pack("<II", second, first)
    (tmp_path / "a.tif").write_bytes(data)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels, np.roll(GREY, 20, axis=0))
    (tmp_path / "a.tif").write_bytes(data[:-10])
    assert "1 of 2 parts of the picture are missing" in refused(tmp_path / "a.tif")


# --- real pictures --------------------------------------------------------------------------------------------------


def test_published_pictures_are_grey_and_complete(shared_data):
    for name in ("llzto/High/4.06e-4.tif", "llto/Low/1.46e-6.jpg"):
        picture = read_picture(shared_data / name)
        assert picture.pixels.shape == (1024, 1280)
        assert picture.pixels.dtype == np.uint8
        assert picture.dpi == pytest.approx(270.93, abs=0.1)
    # Palette indices and grey levels differ: Pillow, which resolves palettes itself, is the witness.
    with Image.open(shared_data / "llzto/High/4.06e-4.tif") as image:
        np.testing.assert_array_equal(
            read_picture(shared_data / "llzto/High/4.06e-4.tif").pixels, np.asarray(image.convert("L"))
        )


def test_deep_picture_of_an_instrument(shared_data):
    picture = read_picture(shared_data / "databars/tescan_amber_16bit.tif")
    assert picture.pixels.dtype == np.uint16
    assert picture.full_scale == 65535
    assert picture.tags["tescan"]["ImageStripSize"] == "179"
    assert picture.tags["tescan"]["HV"] == "30000.0"
