"""The provider as Terraform calls it: every method of the plugin protocol that is used."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from tests.provider.answers import answer
from tests.provider.invent import Inventor
from tests.provider.tables import Block, Table
from tests.provider.values import ADDED_BLOCKS, Values, conformed, filled, forced_new, planned
from tests.provider.wire import attribute_path, decode, encode, error, is_unknown, schema, schemas
from tests.provider.world import World

_KEY = "id"
# Those that `tests.provider.machines` boots; what else a provider does needs no SSH server and no YAML.
INSTANCES = frozenset({"aws_instance", "azurerm_linux_virtual_machine", "google_compute_instance", "ibm_is_instance"})
_SCHEMA_ONCE = pb.ServerCapabilities(plan_destroy=True, get_provider_schema_optional=True)


class Service(rpc.ProviderServicer):
    """One provider in one configuration; *world* is the account it works on."""

    def __init__(self, table: Table, world: World) -> None:
        self._table = table
        self._world = world
        self._settings: Values = {}

    def GetMetadata(self, request: Any, context: Any) -> Any:
        kinds = pb.GetMetadata
        return kinds.Response(
            server_capabilities=_SCHEMA_ONCE,
            resources=[kinds.ResourceMetadata(type_name=one) for one in self._table.resources],
            data_sources=[kinds.DataSourceMetadata(type_name=one) for one in self._table.data_sources],
        )

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return pb.GetProviderSchema.Response(
            server_capabilities=_SCHEMA_ONCE,
            provider=schema(self._table.provider),
            resource_schemas=schemas(self._table.resources),
            data_source_schemas=schemas(self._table.data_sources),
        )

    # What may be written where is checked by Terraform itself, against the schema.

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        arguments = decode(request.config) or {}
        self._settings = {name: value for name, value in arguments.items() if not is_unknown(value)}
        return pb.ConfigureProvider.Response(diagnostics=self._faults("provider", "configure", self._settings))

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=encode(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        kind, current = request.type_name, decode(request.current_state)
        if diagnostics := self._faults(kind, "read", current):
            return pb.ReadResource.Response(new_state=request.current_state, diagnostics=diagnostics)
        found = self._world.load(kind, current[_KEY])
        return pb.ReadResource.Response(
            new_state=encode(conformed(self._resource(kind), found) if found else None), private=request.private
        )

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        kind, proposed, prior = request.type_name, decode(request.proposed_new_state), decode(request.prior_state)
        if diagnostics := self._faults(kind, "plan", proposed or prior):
            return pb.PlanResourceChange.Response(diagnostics=diagnostics)
        wanted = planned(kind, self._resource(kind), proposed, prior)
        return pb.PlanResourceChange.Response(
            planned_state=encode(wanted),
            requires_replace=[attribute_path(name) for name in forced_new(kind, prior, wanted)],
            legacy_type_system=kind in ADDED_BLOCKS,
        )

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        kind, wanted, prior = request.type_name, decode(request.planned_state), decode(request.prior_state)
        if wanted is None:
            state, diagnostics = self._delete(kind, prior)
        elif prior is None:
            state, diagnostics = self._create(kind, wanted)
        else:
            state, diagnostics = self._update(kind, wanted, prior)
        return pb.ApplyResourceChange.Response(
            new_state=encode(state), diagnostics=diagnostics, legacy_type_system=kind in ADDED_BLOCKS
        )

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        kind, arguments = request.type_name, decode(request.config)
        if diagnostics := self._faults(kind, "data", arguments):
            return pb.ReadDataSource.Response(diagnostics=diagnostics)
        block = self._table.data_sources[kind]
        said = answer(kind, arguments, self._settings) | self._world.answers(kind, arguments)
        # An argument that was given stays; an empty one is what the answer says.
        values = {**arguments, **{name: value for name, value in said.items() if arguments.get(name) in (None, [])}}
        invent = Inventor(self._world, kind, values, self._settings, json.dumps(arguments, sort_keys=True, default=str))
        state = filled(block, planned(kind, block, conformed(block, values)), invent)
        return pb.ReadDataSource.Response(state=encode(state))

    def StopProvider(self, request: Any, context: Any) -> Any:
        # Terraform asks on the first Ctrl-C, then waits: what has begun is finished, as a cloud would.
        return pb.StopProvider.Response()

    def _resource(self, kind: str) -> Block:
        return self._table.resources[kind]

    def _faults(self, kind: str, operation: str, values: Values | None) -> list[pb.Diagnostic]:
        text = self._world.fault(kind, operation, values or {})
        return [error(*text.split("\n", 1))] if text else []

    def _create(self, kind: str, wanted: Values) -> tuple[Values | None, list[pb.Diagnostic]]:
        if diagnostics := self._faults(kind, "create", wanted):
            return None, diagnostics
        state = self._complete(kind, wanted, seed=uuid.uuid4().hex)
        if self._world.load(kind, state[_KEY]) is not None:
            return None, [error(f"creating {kind}: {state[_KEY]} already exists")]
        self._world.store(kind, state[_KEY], state)
        if kind in INSTANCES:
            from tests.provider import machines

            try:
                machines.start(self._world, kind, state)
            except machines.BadInstance as problem:
                self._world.remove(kind, state[_KEY])
                return None, [error(f"creating {kind}: {problem}")]
        return state, self._faults(kind, "created", state)

    def _update(self, kind: str, wanted: Values, prior: Values) -> tuple[Values, list[pb.Diagnostic]]:
        if diagnostics := self._faults(kind, "update", wanted):
            return prior, diagnostics
        state = self._complete(kind, wanted, seed=prior[_KEY])
        self._world.store(kind, state[_KEY], state)
        return state, []

    def _delete(self, kind: str, prior: Values) -> tuple[Values | None, list[pb.Diagnostic]]:
        if diagnostics := self._faults(kind, "delete", prior):
            return prior, diagnostics
        if kind in INSTANCES:
            from tests.provider import machines

            machines.stop(self._world, kind, prior)
        self._world.remove(kind, prior[_KEY])
        return None, []

    def _complete(self, kind: str, wanted: Values, *, seed: str) -> Values:
        state: Values = filled(self._resource(kind), wanted, Inventor(self._world, kind, wanted, self._settings, seed))
        return state
