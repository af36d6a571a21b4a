"""Where the text comes from: Debian packages whose files are under free licences. None of the text is committed."""

from typing import NamedTuple


class Source(NamedTuple):
    """A Debian package, what of it is read, and how."""

    package: str
    licence: str
    kind: str
    pattern: str
    # Part of its texts that is taken: manuals of one kind are not to be half of everything.
    share: float = 1.0


# Licences as the packages' debian/copyright gives them.
SOURCES = [
    Source("wordnet-base", "WordNet 3.0 License", "wordnet", "usr/share/wordnet/data.*"),
    Source("dict-gcide", "GPL-3+", "dictd", "usr/share/dictd/gcide.index"),
    Source("dict-foldoc", "GFDL-1.1+, no invariant sections", "dictd", "usr/share/dictd/foldoc.index"),
    Source("dict-jargon", "public domain", "dictd", "usr/share/dictd/jargon.index"),
    Source("dict-devil", "public domain", "dictd", "usr/share/dictd/devil.index"),
    Source("fortunes", "BSD-3-clause", "fortunes", "usr/share/games/fortunes/*"),
    Source("fortunes-min", "BSD-3-clause", "fortunes", "usr/share/games/fortunes/*"),
    Source("debian-reference-en", "GPL-2+", "html", "usr/share/debian-reference/*.en.html"),
    Source("debian-faq", "GPL-2+", "html", "usr/share/doc/debian/FAQ/*.en.html"),
    Source("debian-handbook", "GPL-2+ or CC-BY-SA-3.0", "html", "usr/share/doc/debian-handbook/html/en-US/*.html"),
    Source("developers-reference", "GPL-2+", "html", "usr/share/developers-reference/*.html"),
    Source("debian-policy", "GPL-2+", "html", "usr/share/doc/debian-policy/**/*.html"),
    Source("installation-guide-amd64", "GPL-2", "html", "usr/share/doc/installation-guide-amd64/en/*.html"),
    Source("gimp-help-en", "GFDL-1.2+, no invariant sections", "html", "usr/share/gimp/2.0/help/en/*.html"),
    Source("gnucash-docs", "GFDL-1.1+, no invariant sections", "html", "usr/share/doc/gnucash-docs/gnucash-*-en/*.html"),
    Source("gnome-user-docs", "CC-BY-SA-3.0", "html", "usr/share/help/C/gnome-help/*.page"),
    Source("python3.11-doc", "PSF-2", "html", "usr/share/doc/python3.11/html/**/*.html", 0.5),
    Source("python-django-doc", "BSD-3-clause", "html", "usr/share/doc/python-django-doc/html/**/*.html"),
    Source("postgresql-doc-15", "PostgreSQL", "html", "usr/share/doc/postgresql-doc-15/html/*.html", 0.5),
    Source("sqlite3-doc", "public domain", "html", "usr/share/doc/sqlite3/*.html"),
    Source("git-doc", "GPL-2", "html", "usr/share/doc/git/html/*.html"),
    Source("linux-doc-6.1", "GPL-2", "html", "usr/share/doc/linux-doc-6.1/html/**/*.html", 0.25),
    Source("manpages", "various free", "roff", "usr/share/man/man*/*.gz"),
    Source("manpages-dev", "various free", "roff", "usr/share/man/man*/*.gz"),
    Source("perl-doc", "GPL-1+ or Artistic", "roff", "usr/share/man/man1/*.gz"),
]
