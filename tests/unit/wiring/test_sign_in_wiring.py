from contextlib import AsyncExitStack
from pathlib import Path

from gateway.config.settings import Settings
from gateway.wiring.process import Process
from gateway.wiring.sign_in_wiring import open_providers


async def test_a_config_without_a_sign_in_opens_nothing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
    async with AsyncExitStack() as stack:
        settings = Settings.model_validate({"secret": "a secret of tests that is long enough"})
        assert await open_providers(settings, process, stack) == {}
