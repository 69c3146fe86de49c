# SPDX-License-Identifier: Apache-2.0
"""Installs tflm_mcunet and tflm_converters, and builds the C runtime for this machine."""

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
ARDUINO_LIBRARY = Path("arduino/TFLM_MCUNet")
RUNTIME = ARDUINO_LIBRARY / "src"
HOST = Path("tflm_mcunet/native")  # registers the runtime in the tflite-micro wheel
FIRMWARE = Path("tflm_mcunet/emulator/firmware")  # around the runtime on an emulated Cortex-M4
# The Arduino library as it lies in the wheel: export works without this repository.
CARRIED_LIBRARY = "tflm_mcunet._native.TFLM_MCUNet"

PILLOW, SOUNDFILE = "Pillow>=10,<14", "soundfile>=0.12,<0.15"


class BuildRuntime(build_ext):
    """Builds a plain shared library: it is loaded with ctypes and knows nothing of Python."""

    def get_ext_filename(self, fullname):
        return os.path.join(*fullname.split(".")) + ".so"


class PlatformWheel(bdist_wheel):
    """One wheel per platform serves every Python version."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


def files(folder, pattern, relative_to=Path()):
    """Files below `folder`, sorted so that builds repeat."""
    found = (path for path in (ROOT / folder).rglob(pattern) if path.is_file())
    return sorted(str(path.relative_to(ROOT / relative_to)) for path in found)


setup(
    name="tflm-mcunet",
    version="0.1.0",
    description="Rewrites int8 TensorFlow Lite models so that they need several times less SRAM",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=[
        *find_packages(include=["tflm_mcunet*"]),
        *find_packages("converters"),
        CARRIED_LIBRARY,
    ],
    package_dir={
        "tflm_converters": "converters/tflm_converters",
        CARRIED_LIBRARY: str(ARDUINO_LIBRARY),
    },
    package_data={
        CARRIED_LIBRARY: files(ARDUINO_LIBRARY, "*", relative_to=ARDUINO_LIBRARY),
        "tflm_mcunet": [
            "py.typed",
            "arduino_templates/*.in",
            "arduino_templates/tflm/*.in",
            "audio/c/*.in",
        ],
        "tflm_mcunet.search": ["instructions.json"],
        "tflm_mcunet.emulator": files(FIRMWARE, "*.*", relative_to=FIRMWARE.parent),
        "tflm_converters": ["py.typed", "emit/c/*.in"],
    },
    ext_modules=[
        Extension(
            "tflm_mcunet._native.libtflm_mcunet",
            sources=files(RUNTIME, "*.c") + files(HOST, "*.c"),
            depends=files(RUNTIME, "*.h") + files(HOST, "*.h"),
            include_dirs=[str(RUNTIME)],
            extra_compile_args=["-std=c11", "-O2"],
        )
    ],
    cmdclass={"build_ext": BuildRuntime, "bdist_wheel": PlatformWheel},
    entry_points={"console_scripts": ["tflm-mcunet=tflm_mcunet.cli:main"]},
    # Lower bounds are the oldest releases with which the tests pass, on Python 3.10; upper bounds
    # are the next major release, which may break what we use.
    install_requires=[
        # The schema classes of .tflite files and nothing else: importing them takes 0.1 s.
        # 2.1 is the first that knows external buffers, which the reader refuses.
        "ai-edge-litert>=2.1,<3",
        # Reads and builds the files below those classes.
        "flatbuffers>=24.3.25,<26",
        # The report's pictures.
        "matplotlib>=3.8,<4",
        # Weights and schedules; 1.26 for those who need TensorFlow 2.16 and 2.17.
        "numpy>=1.26,<3",
        # Progress bars.
        "tqdm>=4.60,<5",
        # TensorFlow Lite Micro itself. Our kernels run inside its binary, whose later releases
        # changed the C++ interface or do not import, so exactly this one; Linux x86-64 only.
        # Its own metadata asks for tensorflow, which nothing here imports.
        "tflite-micro==0.dev20260203175027; "
        "sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.14'",
    ],
    extras_require={
        # Training and quantization-aware training; the versions checked to work together.
        "search": [
            "tensorflow>=2.16,<2.22",
            "tf_keras>=2.16,<2.22",
            "tensorflow-model-optimization>=0.8,<0.9",
            # Images and recordings of data sets, of any format; from the first releases with the
            # enumerations of Pillow 10 and the wheels of soundfile that carry libsndfile.
            PILLOW,
            SOUNDFILE,
        ],
        # Data sets by name, `tfds:beans`.
        "datasets": ["tensorflow-datasets>=4.9,<5"],
        # Candidates of a search on a cluster; the releases with which the tests pass.
        "ray": ["ray>=2.40,<3"],
        # The last release; it needs protobuf < 4, hence TensorFlow <= 2.19.
        "metadata": ["tflite-support==0.4.4; python_version < '3.12'"],
        # Formatters are exact, since another release would want other line breaks.
        "test": [
            "clang-format==23.1.5",
            "hypothesis>=6.100,<7",
            "mypy==2.4.1",
            PILLOW,
            "pytest>=8,<10",
            "pytest-xdist>=3.5,<4",
            "ruff==0.17.5",
            SOUNDFILE,
            # The baselines of the zoo's recipes; TensorFlow comes with tflite-micro.
            "tf_keras>=2.16,<2.22",
            # Builds the C runtime in place; tflite-micro's Python code, with which tests compare
            # ours, imports pkg_resources, which newer ones no longer have.
            "setuptools>=77,<81",
        ],
    },
)
