"""May this request pass? Asked by Envoy over gRPC (`ext_authz`), answered by the same judgement as our own.

Only where `listen.grpc` is configured; needs the extra `grpc`.
"""
