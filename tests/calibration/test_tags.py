"""Vendor metadata gives the pixel size of the picture at hand, in the right unit, or nothing."""

import csv

import pytest

from micro_features.calibration.tags import (
    acquisition_from_tags,
    length_um,
    pixel_size_from_tags,
)
from micro_features.data import Acquisition
from micro_features.files.images import read_picture

SHAPE = (768, 1024)
ZEISS = {
    "ap_image_pixel_size": ("Image Pixel Size", 9.766, "nm"),
    "ap_pixel_size": ("Pixel Size", 19.53, "nm"),
    "ap_width": ("Width", 10.0, "µm"),
    "ap_height": ("Height", 7.5, "µm"),
    "dp_image_store": ("Store resolution", "1024 * 768"),
}
FEI = {
    "Scan": {"PixelWidth": 3.3724e-06, "PixelHeight": 3.3724e-06, "HorFieldsize": 0.00172667},
    "Image": {"ResolutionX": 512, "ResolutionY": 442},
}


def size_of(vendor: str, tag: dict, shape=SHAPE) -> float | None:
    """The one pixel size, or None where there is none."""
    found = pixel_size_from_tags({vendor: tag}, shape)
    assert len(found) <= 1
    return found[0][1] if found else None


def without(tag: dict, *names: str) -> dict:
    return {name: value for name, value in tag.items() if name not in names}


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [
        (5, "nm", 0.005), (5, "µm", 5), (5, "μm", 5), (5, "um", 5), (5, "?m", 5), (5, "\\u00B5m", 5), (5, "micron", 5),
        (5, "pm", 5e-6), (5, "fm", 5e-9), (5, "Å", 5e-4), (5, "mm", 5e3), (5, "m", 5e6), (5, " Microns ", 5),
        (5, "inch", None), (5, "cm", None), (5, "pixel", None), (5, "", None), (5, "None", None),
    ],
)  # fmt: skip
def test_units(value, unit, um):
    assert length_um(value, unit) == (um if um is None else pytest.approx(um))


def test_zeiss_live_frame_is_not_the_picture():
    # Wrong by two either way: the live frame is 1024 wide, the file 2048 or 512.
    wide = ZEISS | {"dp_image_store": ("Store resolution", "2048 * 1536"), "ap_width": ("Width", 20.0, "µm")}
    assert size_of("zeiss", wide, (1536, 2048)) == pytest.approx(0.009766)
    assert size_of("zeiss", without(wide, "ap_image_pixel_size"), (1536, 2048)) == pytest.approx(20 / 2048)
    assert size_of("zeiss", {"ap_pixel_size": ("Pixel Size", 19.53, "nm")}) is None


@pytest.mark.parametrize(("number", "unit"), [(9.766, "nm"), (0.009766, "µm"), (9766.0, "pm"), (0.009766, "?m")])
def test_zeiss_units(number, unit):
    assert size_of("zeiss", ZEISS | {"ap_image_pixel_size": ("", number, unit)}) == pytest.approx(0.009766)


def test_fei_that_contradicts_itself():
    scan = FEI["Scan"] | {"HorFieldsize": 0.00086}
    both = pixel_size_from_tags({"fei": FEI | {"Scan": scan}}, (471, 512))
    assert sorted(size for _, size, _ in both) == pytest.approx([860 / 512, 3.3724])


def test_zeiss_picture_that_was_resized_or_contradicts_itself():
    assert size_of("zeiss", ZEISS, (384, 512)) is None
    assert size_of("zeiss", without(ZEISS, "dp_image_store"), (384, 512)) is None
    assert size_of("zeiss", without(ZEISS, "dp_image_store")) == pytest.approx(0.009766)
    # Only its data bar was cut off: its height says nothing any more, its width does.
    assert pixel_size_from_tags({"zeiss": ZEISS}, (690, 1024)) == [("metadata Zeiss", pytest.approx(0.009766), 5e-4)]
    both = pixel_size_from_tags({"zeiss": ZEISS | {"ap_width": ("Width", 15.0, "µm")}}, SHAPE)
    assert sorted(size for _, size, _ in both) == pytest.approx([0.009766, 15 / 1024])


def test_fei():
    assert size_of("fei", FEI, (471, 512)) == pytest.approx(3.3724)
    assert size_of("fei", FEI, (942, 1024)) is None
    unstated = without(FEI, "Image")
    assert size_of("fei", unstated, (471, 512)) == pytest.approx(3.3724)
    assert size_of("fei", unstated, (942, 1024)) is None  # field width says that it was resized
    assert size_of("fei", {"DatabarData": {"flAccV": 5000.0, "flMagn": 0.0034}}) is None
    assert size_of("fei", FEI | {"Scan": {"PixelWidth": "", "PixelHeight": 0}}, (471, 512)) is None


@pytest.mark.parametrize(
    ("xml", "shape", "um"),
    [
        ('<FeiImage><pixelWidth unit="nm">67.5</pixelWidth></FeiImage>', SHAPE, 0.0675),
        ('<?xml version="1.0" encoding="utf-16"?><FeiImage><pixelWidth unit="um">2</pixelWidth></FeiImage>', SHAPE, 2),
        ('<Metadata xmlns="urn:x"><BinaryResult><ImageSize><X>1024</X></ImageSize><PixelSize><X unit="m">2e-9</X>'
         "</PixelSize></BinaryResult></Metadata>", SHAPE, 0.002),
        ('<Metadata xmlns="urn:x"><BinaryResult><ImageSize><X>2048</X></ImageSize><PixelSize><X unit="m">2e-9</X>'
         "</PixelSize></BinaryResult></Metadata>", SHAPE, None),
        ("<FeiImage><pixelWidth", SHAPE, None),
        ('<!DOCTYPE a [<!ENTITY b "1">]><FeiImage><pixelWidth unit="um">&b;</pixelWidth></FeiImage>', SHAPE, None),
    ],
)  # fmt: skip
def test_thermo_xml(xml, shape, um):
    assert size_of("fei_xml", {"xml": xml}, shape) == (um if um is None else pytest.approx(um))


@pytest.mark.parametrize(
    ("attributes", "um"),
    [
        ('PhysicalSizeX="0.25" PhysicalSizeY="0.25"', 0.25),
        ('PhysicalSizeX="250" PhysicalSizeXUnit="nm" SizeX="1024"', 0.25),
        ('PhysicalSizeX="250" PhysicalSizeXUnit="nm" SizeX="512"', None),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="pixel"', None),
        ('PhysicalSizeX="84.667"', None),  # 300 dpi
        ('PhysicalSizeX="12" SizeX="1024"', 12),
        ('SizeX="1024"', None),
    ],
)
def test_ome(attributes, um):
    xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels {attributes}/></Image></OME>'
    assert size_of("ome", {"xml": xml}) == (um if um is None else pytest.approx(um))


@pytest.mark.parametrize(
    ("unit", "per_unit", "um"),
    [("micron", 4.0, 0.25), ("nm", 0.004, 0.25), ("µm", 4.0, 0.25), ("\\u00B5m", 4.0, 0.25),
     ("inch", 300.0, None), ("cm", 118.0, None), (None, 4.0, None), ("micron", 0.0, None)],
)  # fmt: skip
def test_imagej(unit, per_unit, um):
    assert size_of("imagej", {"unit": unit, "pixels_per_unit": per_unit}) == (um if um is None else pytest.approx(um))


def test_metres_of_other_vendors():
    assert size_of("tescan", {"PixelSizeX": "0.000000242", "PixelSizeY": "0.000000242"}) == pytest.approx(0.242)
    assert size_of("sis", {"pixelsizex": 1.5e-9, "pixelsizey": 1.5e-9}) == pytest.approx(0.0015)
    assert size_of("sis", {"pixelsizex": 0.0}) is None
    assert size_of("gatan", {"unit": "nm", "scale": 2.5}) == pytest.approx(0.0025)


def test_pixels_that_are_not_square_widen_the_error():
    ((_, size, error),) = pixel_size_from_tags({"tescan": {"PixelSizeX": "1e-6", "PixelSizeY": "1.1e-6"}}, SHAPE)
    assert size == pytest.approx(1)
    assert error == pytest.approx(0.1)
    ((_, _, error),) = pixel_size_from_tags({"zeiss": ZEISS}, SHAPE)
    assert error < 0.001


@pytest.mark.parametrize(
    "junk",
    [None, "", "x", b"\xff", (), float("nan"), float("inf"), -1.0, {"a": 1}, 10**400],
    ids=lambda junk: repr(junk)[:8],
)
@pytest.mark.parametrize("vendor", ["zeiss", "fei", "fei_xml", "sis", "tescan", "ome", "imagej", "gatan", "unknown"])
def test_damaged_tags_say_nothing(vendor, junk):
    names = [
        "ap_image_pixel_size",
        "ap_width",
        "ap_wd",
        "ap_mag",
        "dp_image_store",
        "Scan",
        "Image",
        "EBeam",
        "xml",
        "pixelsizex",
        "unit",
        "scale",
        "PixelSizeX",
        "pixels_per_unit",
        "HV",
        "WD",
        "Date",
        "ImageStripSize",
    ]
    for wrapped in (junk, ("name", junk), ("name", junk, "nm"), {"PixelWidth": junk, "HV": junk}):
        tags = {vendor: dict.fromkeys(names, wrapped)}
        assert pixel_size_from_tags(tags, SHAPE) == []
        assert isinstance(acquisition_from_tags(tags), Acquisition)
    assert pixel_size_from_tags({}, SHAPE) == []
    assert acquisition_from_tags({}) == Acquisition()


def test_zeiss_acquisition_prefers_what_was_measured_to_what_was_asked_for():
    zeiss = {"ap_actualkv": ("EHT", 4.98, "kV"), "ap_manualkv": ("EHT Target", 5.0, "kV")}
    assert acquisition_from_tags({"zeiss": zeiss}).kV == 4.98
    assert acquisition_from_tags({"zeiss": without(zeiss, "ap_actualkv")}).kV == 5.0


def test_phenom_acquisition():
    xml = """<FeiImage><workingDistance unit="mm">6.759</workingDistance>
        <instrument><edition>Phenom XL</edition></instrument><acquisition><scan><detector>All</detector>
        <highVoltage unit="kV">-10.0</highVoltage></scan></acquisition></FeiImage>"""
    expected = Acquisition(kV=10.0, WD_mm=6.759, detector="All", instrument="Phenom XL")
    assert acquisition_from_tags({"fei_xml": {"xml": xml}}) == expected


def test_pictures_of_many_vendors(shared_data):
    folder = shared_data / "databars"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    n_sized = 0
    for row in rows:
        picture = read_picture(folder / row["file"])
        shape = picture.pixels.shape[:2]
        expected = [float(row["pixel_size_from_metadata_um"])] if row["pixel_size_from_metadata_um"] else []
        found = pixel_size_from_tags(picture.tags, shape)
        assert [size for _, size, _ in found] == pytest.approx(expected, rel=5e-4), row["file"]
        n_sized += len(found)
        acquisition = acquisition_from_tags(picture.tags)
        if acquisition.kV is not None:
            assert acquisition.kV == float(row["kV"]), row["file"]
            assert acquisition.WD_mm == pytest.approx(float(row["WD_mm"]), abs=0.06), row["file"]
    assert n_sized == 8


def test_fields_of_real_tags(shared_data):
    def acquisition(name: str) -> Acquisition:
        return acquisition_from_tags(read_picture(shared_data / "databars" / name).tags)

    assert acquisition("zeiss_merlin_whitebar_1024.tif") == Acquisition(
        105.0, 25.0, pytest.approx(14.808), "HE-SE2", "2015-12-23", "09:40:32", "Zeiss Merlin"
    )
    assert acquisition("fei_teneo_rbc.tif") == Acquisition(
        35000.0, 2.0, pytest.approx(9.65589), "ETD", "2016-10-27", "13:16:51", "FEI Teneo"
    )
    assert acquisition("tescan_amber_16bit.tif") == Acquisition(
        pytest.approx(1124.7676), 30.0, pytest.approx(5.322, abs=1e-3), "E-T", "2023-12-06", "10:04:08", "TESCAN AMBER"
    )
    assert acquisition("zeiss_auriga_blackbox_2048.tif").magnification == 5720
    assert acquisition("fei_xl_sis_125kx_16.tif") == Acquisition(125000.0, date="2016-03-24", time="10:01:00")
    assert acquisition("fei_sirion_uw_35000x.tif").magnification == 35000
