"""How to build and install the two packages: pure Python, no dependencies, one source for 2.7 and 3.6+."""
from __future__ import absolute_import, division, print_function

import io
import os
import re

from setuptools import setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*names):
    """The text of a file beside this one."""
    with io.open(os.path.join(HERE, *names), encoding="utf-8") as stream:
        return stream.read()


def version():
    """``__version__`` as ide_kernel/__init__.py states it, read as text: installing must not run the packages."""
    found = re.search(r"^__version__ = [\"']([^\"']+)[\"']", read("ide_kernel", "__init__.py"), re.MULTILINE)
    if found is None:
        raise RuntimeError("ide_kernel/__init__.py has no line __version__ = \"...\"")
    return found.group(1)


def packages():
    """Every directory of the two packages that has an ``__init__.py``, as dotted names."""
    return [
        os.path.relpath(directory, HERE).replace(os.sep, ".")
        for top in ("yotonlike", "ide_kernel")
        for directory, _, files in sorted(os.walk(os.path.join(HERE, top)))
        if "__init__.py" in files
    ]


setup(
    name="ide-kernel",
    version=version(),
    description="A Python kernel for IDEs, and the messaging layer that it runs on",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    packages=packages(),
    zip_safe=False,  # the broker and the kernel import from a real directory, whatever interpreter they run in
    python_requires=">=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, !=3.5.*",
    install_requires=[],
    extras_require={"test": ["pytest"]},
    entry_points={"console_scripts": ["ide-kernel = ide_kernel.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 2.7",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: Implementation :: CPython",
        "Programming Language :: Python :: Implementation :: PyPy",
        "Topic :: Software Development :: Interpreters",
        "Topic :: System :: Networking",
    ],
)
