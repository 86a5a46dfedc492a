# The rules of `skytf plan --policy`, for OPA and conftest: docs/policy.md lists them, policy/README.md says how to run
# them. Every rule here has the name, and says what, skytf/policy/checks.py says; tests/policy holds both to one table.
#
# input              the files of a bundle as `conftest test --combine` passes them: [{"path": …, "contents": …}]
# data.skytf_policy  the rules, the same file that --policy takes
# data.skytf_modules modules.json beside this file: what the modules of each cloud may make
package skytf

import rego.v1

documents[name] := file.contents if {
	some file in input
	parts := split(file.path, "/")
	name := parts[count(parts) - 1]
}

transfer := documents["transfer.json"]

topology := documents["topology.json"]

tfvars := documents["terraform.tfvars.json"]

plan := documents["plan.json"]

online if plan

policy := data.skytf_policy

modules := data.skytf_modules

broken(rule, where, found, allowed) := {
	"rule": rule,
	"where": where,
	"found": found,
	"allowed": allowed,
	"msg": sprintf("%s%s: found %s, allowed %s", [rule, of(where), found, allowed]),
}

of(where) := "" if where == ""

of(where) := sprintf(" of %s", [where]) if where != ""

# ---- what is looked at

region_of(one) := sprintf("%s:%s", [one.cloud, one.name])

regions contains region_of(gateway.region) if some gateway in topology.gateways

clouds contains gateway.region.cloud if some gateway in topology.gateways

in_cloud(cloud) if not modules[cloud].own_machine

# Region → what its module is given, of the sites that are not the operator's own machine.
sites[region] := site if {
	some gateway in topology.gateways
	in_cloud(gateway.region.cloud)
	region := region_of(gateway.region)
	site := tfvars.sites[sprintf("%s-%s", [gateway.region.cloud, gateway.region.name])]
}

changes contains one if {
	some one in plan.resource_changes
	one.mode == "managed"
	one.change.actions != ["no-op"]
	one.change.actions != ["read"]
}

made contains one if {
	some one in changes
	one.change.actions != ["delete"]
}

after(one) := values if {
	values := one.change.after
	is_object(values)
}

# What is copied recursively is everything below a folder.
key_of(job, end) := end.prefix if not job.recursive

key_of(job, end) := "" if {
	job.recursive
	end.prefix in {"", "/"}
}

key_of(job, end) := sprintf("%s/", [trim_suffix(end.prefix, "/")]) if {
	job.recursive
	not end.prefix in {"", "/"}
}

# A store at an address of its own is no store of a cloud.
place(job, end) := sprintf("%s/%s/%s", [trim_right(end.store.endpoint_url, "/"), end.store.bucket, key_of(job, end)]) if {
	end.store.endpoint_url != ""
}

place(job, end) := sprintf("/%s", [key_of(job, end)]) if {
	end.store.endpoint_url == ""
	end.store.scheme == "file"
}

place(job, end) := sprintf("%s://%s/%s", [end.store.scheme, end.store.bucket, key_of(job, end)]) if {
	end.store.endpoint_url == ""
	end.store.scheme != "file"
}

sources contains place(job, job.source) if some job in transfer.request.jobs

destinations contains place(job, end) if {
	some job in transfer.request.jobs
	some end in job.destinations
}

# Ends that keys of the operator's travel for.
keyed contains [place(job, end), region_of(end.region)] if {
	some job in transfer.request.jobs
	some end in array.concat([job.source], job.destinations)
	end.store.credentials != ""
	in_cloud(end.region.cloud)
}

matches(text, globs) if {
	some one in globs
	glob.match(one, null, text)
}

# ---- what the limits mean

usd_limit(rule) := {"high": policy[rule]} if is_number(policy[rule])

usd_limit(rule) := policy[rule] if is_object(policy[rule])

allow_unknown if policy.allow_unknown_cost == true

# With unknown costs allowed, what is known already (the low) still counts.
usd(span, name) := span[name] if span[name] != null

usd(span, name) := span.low if {
	span[name] == null
	allow_unknown
}

unknown_usd(span, name) if {
	span[name] == null
	not allow_unknown
}

max_bytes := policy.max_bytes if is_number(policy.max_bytes)

max_bytes := units.parse_bytes(policy.max_bytes) if is_string(policy.max_bytes)

required_tags := policy.required_tags if is_object(policy.required_tags)

required_tags := {key: "*" | some key in policy.required_tags} if is_array(policy.required_tags)

tags := {pair[0]: pair[1] | some pair in transfer.request.tags}

# ---- the policy and the files themselves

known_rules := {
	"allow_unknown_cost", "allowed_destinations", "allowed_instance_types", "allowed_regions",
	"allowed_sources", "encryption", "forbidden_destinations", "forbidden_regions", "gateway_credentials", "max_bytes",
	"max_hours", "max_instances", "max_instances_per_region", "max_usd", "max_usd_per_destination", "max_usd_per_gb",
	"open_to_internet", "operator_prefix", "public_addresses", "required_tags", "resource_types", "spot",
}

deny contains broken("policy", "", "no rules", "skytf_policy: give --data policy.yaml") if not has_rules

has_rules if {
	is_object(policy)
	count(policy) > 0
}

deny contains broken("policy", "", "no modules", "skytf_modules: give --data modules.json") if not data.skytf_modules

deny contains broken("policy", key, "a rule that there is not", "docs/policy.md") if {
	some key in object.keys(policy)
	not key in known_rules
}

deny contains broken("policy", key, "a rule that there is not", "docs/policy.md") if {
	some key in object.keys(policy.encryption)
	not key in {"disks", "own_disk_key", "own_store_key"}
}

deny contains broken("policy", key, "a rule without a value", "docs/policy.md") if {
	some key in object.keys(policy)
	policy[key] == null
}

# What is of another kind would compare as nothing, and let everything pass.
deny contains broken("policy", key, "a value that the rule cannot have", "docs/policy.md") if {
	some key in object.keys(policy)
	key in known_rules
	not right(key, policy[key])
}

right(key, value) if {
	key in {"max_hours", "max_instances", "max_instances_per_region", "operator_prefix"}
	is_number(value)
}

right(key, value) if value in words[key]

right("max_bytes", _) if is_number(max_bytes)

right(key, value) if {
	key in {"max_usd", "max_usd_per_destination", "max_usd_per_gb"}
	is_number(value)
}

right(key, value) if {
	key in {"max_usd", "max_usd_per_destination", "max_usd_per_gb"}
	is_object(value)
	count(value) > 0
	every name, most in value {
		name in {"high", "likely", "low"}
		is_number(most)
	}
}

right(key, value) if {
	key in {
		"allowed_destinations", "allowed_regions", "allowed_sources", "forbidden_destinations", "forbidden_regions",
		"required_tags", "resource_types",
	}
	texts(value)
}

right("required_tags", value) if {
	is_object(value)
	count(value) > 0
	every pattern in value {
		is_string(pattern)
	}
}

right("allowed_instance_types", value) if {
	is_object(value)
	count(value) > 0
	every cloud, globs in value {
		modules[cloud]
		texts(globs)
	}
}

right("encryption", value) if {
	is_object(value)
	count(value) > 0
	every asked in value {
		asked == "required"
	}
}

texts(value) if {
	is_array(value)
	count(value) > 0
	every one in value {
		is_string(one)
	}
}

words := {
	"allow_unknown_cost": {false, true},
	"gateway_credentials": {"any", "identity"},
	"open_to_internet": {"allowed", "forbidden"},
	"public_addresses": {"allowed", "forbidden"},
	"spot": {"allowed", "forbidden", "required"},
}

deny contains broken("bundle", name, "no such file in the input", "transfer.json, topology.json, infra/terraform.tfvars.json") if {
	some name in ["transfer.json", "topology.json", "terraform.tfvars.json"]
	not documents[name]
}

# ---- cost

no_cost := {"low": 0, "likely": null, "high": null}

total := topology.cost.total_usd if topology.cost.total_usd

total := no_cost if not topology.cost.total_usd

shares := topology.cost.shares if count(topology.cost.shares) > 0

shares := [{"url": "", "usd": no_cost}] if not some_shares

some_shares if count(topology.cost.shares) > 0

delivered := sum([size |
	some one in transfer.survey
	some job in transfer.request.jobs
	job.job_id == one.job_id
	size := one.bytes * count(job.destinations)
])

amounts contains ["max_usd", "", total]

amounts contains ["max_usd_per_destination", share.url, share.usd] if some share in shares

amounts contains ["max_usd_per_gb", "", {name: per_gb(value) | some name, value in total}] if delivered > 0

per_gb(value) := null if value == null

per_gb(value) := (value * 1000000000) / delivered if value != null

deny contains broken(rule, where, sprintf("%v USD (%s)", [value, name]), sprintf("at most %v USD (%s)", [most, name])) if {
	some [rule, where, span] in amounts
	some name, most in usd_limit(rule)
	value := usd(span, name)
	value > most
}

deny contains broken(rule, where, sprintf("unknown (%s)", [name]), sprintf("at most %v USD (%s)", [most, name])) if {
	some [rule, where, span] in amounts
	some name, most in usd_limit(rule)
	unknown_usd(span, name)
}

# ---- how much, how many, where

deny contains broken("max_instances", "", sprintf("%d", [number]), sprintf("at most %v", [policy.max_instances])) if {
	number := count(topology.gateways)
	number > policy.max_instances
}

deny contains broken("max_instances_per_region", region, sprintf("%d", [number]), sprintf("at most %v", [policy.max_instances_per_region])) if {
	some region in regions
	number := count([one | some one in topology.gateways; region_of(one.region) == region])
	number > policy.max_instances_per_region
}

deny contains broken("max_hours", "", sprintf("%v hours", [hours]), sprintf("at most %v hours", [policy.max_hours])) if {
	hours := transfer.request.ttl_minutes / 60
	hours > policy.max_hours
}

deny contains broken("max_bytes", "", sprintf("%v bytes", [size]), sprintf("at most %v bytes", [max_bytes])) if {
	size := sum([one.bytes | some one in transfer.survey])
	size > max_bytes
}

deny contains broken("allowed_regions", region, region, concat(", ", policy.allowed_regions)) if {
	some region in regions
	not matches(region, policy.allowed_regions)
}

deny contains broken("forbidden_regions", region, region, sprintf("none of %s", [concat(", ", policy.forbidden_regions)])) if {
	some region in regions
	matches(region, policy.forbidden_regions)
}

# ---- the sites, as they are asked for

# Any of a site's types may be taken, where those before it are sold out.
deny contains broken("allowed_instance_types", region, type, concat(", ", allowed)) if {
	some region, site in sites
	allowed := policy.allowed_instance_types[split(region, ":")[0]]
	some type in site.instance_types
	not matches(type, allowed)
}

deny contains broken("required_tags", key, sprintf("no tag %s", [key]), sprintf("%s=%s", [key, pattern])) if {
	some key, pattern in required_tags
	not has_tag(key)
}

deny contains broken("required_tags", key, sprintf("%s=%s", [key, tags[key]]), sprintf("%s=%s", [key, pattern])) if {
	some key, pattern in required_tags
	has_tag(key)
	not matches(tags[key], [pattern])
}

has_tag(key) if {
	some pair in transfer.request.tags
	pair[0] == key
}

deny contains broken("public_addresses", region, "gateways with public addresses", "forbidden") if {
	policy.public_addresses == "forbidden"
	some region, site in sites
	not site.private_addresses
}

deny contains broken("spot", region, "no spot", "required") if {
	policy.spot == "required"
	some region, site in sites
	not site.spot
}

deny contains broken("spot", region, "spot", "forbidden") if {
	policy.spot == "forbidden"
	some region, site in sites
	site.spot
}

deny contains broken("encryption.own_disk_key", region, "no key is named for the disks", "required") if {
	policy.encryption.own_disk_key == "required"
	some region, site in sites
	site.disk_kms_key == ""
}

deny contains broken("encryption.own_store_key", region, "no key is named for the objects", "required") if {
	policy.encryption.own_store_key == "required"
	some region, site in sites
	modules[split(region, ":")[0]].store_keys
	count(site.access) > 0
	count(site.store_kms_keys) == 0
}

# ---- the ends

deny contains broken("allowed_sources", where, where, concat(", ", policy.allowed_sources)) if {
	some where in sources
	not matches(where, policy.allowed_sources)
}

deny contains broken("allowed_destinations", where, where, concat(", ", policy.allowed_destinations)) if {
	some where in destinations
	not matches(where, policy.allowed_destinations)
}

deny contains broken("forbidden_destinations", where, where, sprintf("none of %s", [concat(", ", policy.forbidden_destinations)])) if {
	some where in destinations
	matches(where, policy.forbidden_destinations)
}

deny contains broken("gateway_credentials", where, sprintf("keys travel to %s", [region]), "identity") if {
	policy.gateway_credentials == "identity"
	some [where, region] in keyed
}

# ---- what Terraform will make

# What cannot be checked does not pass.
needs_plan contains "resource_types" if policy.resource_types

needs_plan contains "open_to_internet" if policy.open_to_internet == "forbidden"

needs_plan contains "public_addresses" if policy.public_addresses == "forbidden"

needs_plan contains sprintf("encryption.%s", [name]) if {
	some name in ["disks", "own_disk_key"]
	policy.encryption[name]
}

deny contains broken(rule, "plan.json", "planned offline", "a bundle that was planned online") if {
	not online
	some rule in needs_plan
}

warn contains "plan.json is not there: which resources Terraform makes was not checked" if not online

warn contains "operator_prefix is checked where the fleet is created: apply-transfer --policy" if policy.operator_prefix

expected contains type if {
	some cloud in clouds
	some type in modules[cloud].resource_types
}

more_types := object.get(policy, "resource_types", [])

deny contains broken("resource_types", one.address, one.type, sprintf("those of the modules for %s", [concat(", ", sort(clouds))])) if {
	some one in changes
	not one.type in expected
	not matches(one.type, more_types)
}

deny contains broken("actions", one.address, concat(" and ", one.change.actions), "create") if {
	some one in changes
	one.change.actions != ["create"]
}

deny contains broken("allowed_instance_types", one.address, type_of(one, row), concat(", ", allowed)) if {
	some cloud in clouds
	allowed := policy.allowed_instance_types[cloud]
	some row in modules[cloud].instances
	some one in made
	one.type == row.type
	not matches(type_of(one, row), allowed)
}

type_of(one, row) := name if {
	name := object.get(after(one), row.attribute, null)
	is_string(name)
}

type_of(one, row) := "a type that is not known yet" if {
	name := object.get(after(one), row.attribute, null)
	not is_string(name)
}

disk_rules contains ["encryption.disks", "encrypted", "a disk that is not encrypted"] if policy.encryption.disks == "required"

disk_rules contains ["encryption.own_disk_key", "key", "a disk without a key"] if policy.encryption.own_disk_key == "required"

deny contains broken(rule, cloud, "nobody knows how its disks are encrypted", "required") if {
	online
	some cloud in clouds
	in_cloud(cloud)
	count(modules[cloud].disks) == 0
	some [rule, _, _] in disk_rules
}

deny contains broken(rule, one.address, text, "required") if {
	some cloud in clouds
	some row in modules[cloud].disks
	some one in made
	one.type == row.type
	some [rule, name, text] in disk_rules
	not every_disk_says(one, row, row[name])
}

every_disk_says(one, row, attribute) if {
	disks := blocks(one, row.block)
	count(disks) > 0
	every disk in disks {
		says(disk, attribute)
	}
}

says(_, attribute) if attribute == ""

says(disk, attribute) if {
	attribute != ""
	full(object.get(disk, attribute, null))
}

blocks(one, block) := [after(one)] if block == ""

blocks(one, block) := after(one)[block] if {
	block != ""
	is_array(after(one)[block])
}

full(value) if not value in {null, false, "", 0}

deny contains broken("public_addresses", one.address, "a public address", "forbidden") if {
	policy.public_addresses == "forbidden"
	some cloud in clouds
	some row in modules[cloud].public
	some one in made
	one.type == row.type
	is_public(one, row)
}

is_public(_, row) if row.attribute == ""

is_public(one, row) if {
	row.attribute != ""
	some block in blocks(one, row.block)
	value := object.get(block, row.attribute, null)
	full(value)
	value != []
}

# What is not known yet may be one.
is_public(one, row) if {
	row.attribute != ""
	row.block == ""
	one.change.after_unknown[row.attribute] == true
}

is_public(one, row) if {
	row.attribute != ""
	row.block != ""
	some block in one.change.after_unknown[row.block]
	block[row.attribute] == true
}

# Addresses that are not known yet are those of the fleet's own gateways.
deny contains broken("open_to_internet", one.address, sprintf("open to %s", [value]), "forbidden") if {
	policy.open_to_internet == "forbidden"
	some cloud in clouds
	some row in modules[cloud].inbound
	some one in made
	one.type == row.type
	every name, wanted in row.when {
		holds(object.get(after(one), name, null), wanted)
	}
	some value in values_of(object.get(after(one), row.attribute, null))
	value in {"0.0.0.0/0", "::/0", "*", "Internet", "Any"}
}

values_of(said) := said if is_array(said)

values_of(said) := [said] if not is_array(said)

holds(said, wanted) if {
	wanted == "*"
	full(said)
	said != []
}

holds(said, wanted) if {
	wanted != "*"
	said == wanted
}
