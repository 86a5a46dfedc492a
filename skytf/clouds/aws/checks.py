"""What `skytf doctor` asks AWS: whose credentials these are, what they may do, and how much is left of the quota."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from skytf.clouds.aws.account import Account, AwsDenied, error_code
from skytf.clouds.base import CREDENTIALS, Check, Quota
from skytf.clouds.sheet import sheet
from skytf.errors import SkytfError

# One or two of each step of a transfer; terraform/aws/permissions.toml has them all. A policy that allows these but not
# the rest is rare, and Terraform then names what is missing. By resource: below /skytf/ is what that policy allows.
_ACTIONS = {
    "*": (
        "ec2:CreateVpc",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:RunInstances",
        "ec2:TerminateInstances",
    ),
    "role/skytf/doctor": ("iam:CreateRole", "iam:PassRole", "iam:PutRolePolicy"),
    "instance-profile/skytf/doctor": ("iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"),
}
_PASSED_TO = {
    "ContextKeyName": "iam:PassedToService",
    "ContextKeyType": "string",
    "ContextKeyValues": ["ec2.amazonaws.com"],
}
_POLICY = "attach the policy that skytf permissions aws prints (its IAM part is not needed with an identity of yours)"
_ROLE_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/")
_DRY_RUN_SAYS_YES = "DryRunOperation"
# AWS resolves it to Ubuntu's newest image of the region; a dry run looks at no other argument before permissions.
_ANY_IMAGE = "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"

AskQuota = Callable[[str, str], Quota | None]


def checks(account: Account, regions: Sequence[str], quota: AskQuota) -> Iterator[Check]:
    """Yield what was found; where the credentials are not good, only that."""
    try:
        with account.asked("sts:GetCallerIdentity"):
            caller = str(account.client("sts").get_caller_identity()["Arn"])
    except SkytfError as error:
        yield Check(CREDENTIALS, ok=False, found=str(error), hint=error.hint or account.login)
        return
    yield Check(CREDENTIALS, ok=True, found=caller)
    yield _network(account)
    yield _permissions(account, caller, regions or (account.region,))
    for region in regions:
        yield _quota(region, quota)


def _network(account: Account) -> Check:
    try:
        regions = account.regions()
    except SkytfError as error:
        return Check("network", ok=False, found=str(error), hint=error.hint or "is the network up?")
    return Check("network", ok=True, found=f"EC2 answers; {len(regions)} regions are enabled")


def _permissions(account: Account, caller: str, regions: Sequence[str]) -> Check:
    """Ask IAM's simulator; where that is not allowed, let EC2 pretend."""
    try:
        denied = _simulated(account, caller)
        asked = f"IAM's simulator allows {sum(map(len, _ACTIONS.values()))} actions"
    except SkytfError:
        try:
            denied = [action for region in regions for action in _dry_run(account, region)]
        except SkytfError as error:
            return Check("permissions", ok=False, found=str(error), hint=error.hint or _POLICY)
        asked = "dry runs of EC2 pass; what IAM allows was not asked"
    if denied:
        return Check("permissions", ok=False, found=f"not allowed: {', '.join(denied)}", hint=_POLICY)
    return Check("permissions", ok=True, found=asked)


def _simulated(account: Account, caller: str) -> list[str]:
    """Return which of `_ACTIONS` are not allowed; raises SkytfError where the simulator may not be asked."""
    if caller.endswith(":root"):
        return []  # who may do everything cannot be simulated
    arn = caller
    with account.asked("iam:SimulatePrincipalPolicy"):
        iam = account.client("iam")
        if session := _ROLE_SESSION.match(caller):
            arn = iam.get_role(RoleName=session["role"])["Role"]["Arn"]  # the caller's name lacks the role's path
        partition, account_id = arn.split(":")[1], arn.split(":")[4]
        simulator = iam.get_paginator("simulate_principal_policy")
        results = [
            result
            for resource, actions in _ACTIONS.items()
            for page in simulator.paginate(
                PolicySourceArn=arn,
                ActionNames=list(actions),
                ResourceArns=["*" if resource == "*" else f"arn:{partition}:iam::{account_id}:{resource}"],
                ContextEntries=[_PASSED_TO],
            )
            for result in page["EvaluationResults"]
        ]
    return [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]


def _dry_run(account: Account, region: str) -> Iterator[str]:
    ec2 = account.client("ec2", region)
    tries: dict[str, Callable[[], Any]] = {
        "ec2:CreateVpc": lambda: ec2.create_vpc(CidrBlock="10.0.0.0/24", DryRun=True),
        "ec2:RunInstances": lambda: ec2.run_instances(
            ImageId=_ANY_IMAGE,
            InstanceType=sheet("aws").default_instances[0],
            MinCount=1,
            MaxCount=1,
            DryRun=True,
        ),
    }
    for action, attempt in tries.items():
        if not _allowed(account, attempt):
            yield f"{action} in {region}"


def _allowed(account: Account, attempt: Callable[[], Any]) -> bool:
    from botocore.exceptions import ClientError

    try:
        with account.asked("dry run"):
            try:
                attempt()
            except ClientError as error:
                if error_code(error) == _DRY_RUN_SAYS_YES:
                    return True
                raise
    except AwsDenied:
        return False
    return True


def _quota(region: str, quota: AskQuota) -> Check:
    name = f"quota in {region}"
    instance_type = sheet("aws").default_instances[0]
    try:
        found = quota(region, instance_type)
    except SkytfError as error:
        hint = error.hint or "allow servicequotas:GetServiceQuota, or look into the console of Service Quotas"
        return Check(name, ok=False, found=str(error), hint=hint)
    if found is None or found.instances is None:
        return Check(name, ok=True, found=f"none for {instance_type}")
    words = f"{found.instances} more of {instance_type}: {found.used:g} of {found.limit:g} used, {found.name}"
    return Check(name, ok=found.instances > 0, found=words, hint="" if found.instances else found.raise_with)
