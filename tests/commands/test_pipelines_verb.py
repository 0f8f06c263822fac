"""`medley pipelines`, and `medley run` without a pipeline."""

from __future__ import annotations

from tests.conftest import Medley


def test_the_commands_say_what_there_is(medley: Medley) -> None:
    listed = medley("pipelines", "--json").report["pipelines"]
    assert {"video", "pdf", "image"} <= {one["name"] for one in listed}
    shown = medley("pipelines", "show", "pdf", "--captions.model", "m", "--json").report
    stages = {one["name"]: one for one in shown["stages"]}
    assert stages["caption"]["after"] == ["page_images"]
    assert stages["write_pages"]["writes"] == ["page", "ocr"]
    assert medley("run").code == 2
    unknown = medley("run", "nothing", "x.mp4")
    assert (unknown.code, "video" in unknown.err) == (2, True)
