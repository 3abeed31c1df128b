"""Reading files of strangers: bounds, forms and links."""

import pytest

from twinlm.errors import ModelError
from twinlm.system.bounded_json import LARGEST_FILE_BYTES, check_inside, read_lines, read_object


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\n\n", ["a", ""]),
        ("a\u2028b\u0085c\n\u3000\n".encode(), ["a\u2028b\u0085c", "\u3000"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
    ],
)
def test_only_line_feeds_end_lines(tmp_path, data, lines):
    (tmp_path / "file").write_bytes(data)
    assert read_lines(tmp_path / "file") == lines


@pytest.mark.parametrize("read", [read_lines, read_object])
def test_what_is_no_file_or_too_large_is_refused_unread(tmp_path, read):
    with pytest.raises(ModelError, match="there is no tokenizer here"):
        read(tmp_path)
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    with pytest.raises(ModelError, match="67,108,865 bytes is larger than 67,108,864"):
        read(tmp_path / "file")


@pytest.mark.parametrize(
    ("data", "because"),
    [(b"", "not JSON"), (b"[1]", "holds a list"), (b"7", "holds a int"), (b"[" * 10**6, "not JSON")],
)
def test_what_is_no_object_is_refused(tmp_path, data, because):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ModelError, match=because):
        read_object(tmp_path / "file")


def test_links_inside_the_folder_are_followed_and_others_refused(tmp_path):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_text("x")
    (tmp_path / "secret").write_text("x")
    (folder / "inside").symlink_to("below/file")
    (folder / "outside").symlink_to("../secret")
    (folder / "away").symlink_to("nowhere")
    check_inside(folder, ["inside", "missing", "below/file"])
    with pytest.raises(ModelError, match="link out of its folder"):
        check_inside(folder, ["inside", "outside"])
    with pytest.raises(ModelError, match="link leads nowhere"):
        check_inside(folder, ["away"])


def test_a_folder_that_is_itself_a_link_is_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    (tmp_path / "link").symlink_to("folder")
    check_inside(tmp_path / "link", ["file"])
