from pathlib import Path

from gateway.config.settings import Settings
from gateway.ext_authz.grpc_caller import GrpcCaller
from gateway.ext_authz.messages import CheckResponse
from gateway.http1.block_memory import SharedBlocks
from gateway.wiring.generation import open_generation
from gateway.wiring.process import Process
from tests.support.clients.authorization_client import question
from tests.support.gateways.serving import Examples, config


async def test_a_generation_answers_questions_where_its_config_has_a_port_for_them(
    examples: Examples, process: Process, tmp_path: Path
) -> None:
    described = config(9, examples.settings(tmp_path), ext_authz={"peers": ["192.0.2.0/24"]})
    without = await open_generation(Settings.model_validate(described), process)
    assert without.check_port is None
    await without.close()
    described["listen"]["grpc"] = "127.0.0.1:0"
    made = await open_generation(Settings.model_validate(described), process)
    assert made.check_port is not None
    answer = made.check_port.check(question("/public/").SerializeToString(), GrpcCaller("192.0.2.1", SharedBlocks(0)))
    assert isinstance(answer, bytes)
    assert CheckResponse.FromString(answer).status.code == 0
    await made.close()
