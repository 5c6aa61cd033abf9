"""The messages of external_auth.proto, made of its compiled form.

In a pool of their own: another package that registers Envoy's files (`xds-protos`) clashes with none of these. The
descriptors are data, so no generated code has to fit the installed version of protobuf.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

DESCRIPTORS = "external_auth.binpb"
_PACKAGE = "envoy.service.auth.v3"

_pool = DescriptorPool()
for _file in FileDescriptorSet.FromString((files("gateway.ext_authz") / DESCRIPTORS).read_bytes()).file:
    _pool.AddSerializedFile(_file.SerializeToString())


def _message(name: str) -> Any:
    return GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


CheckRequest = _message("CheckRequest")
CheckResponse = _message("CheckResponse")
HealthCheckRequest = _message("HealthCheckRequest")
HealthCheckResponse = _message("HealthCheckResponse")
