/*
 * inspect-types.c - the API's structs as Go names, orders and prints them
 *
 * (1) Fields stand in the order of Go's structs, which `json` prints them in.
 * (2) Numbers that may be absent are pointers in Go: nil, not 0.
 */
#include "cli/output.h"

#define F(name_, type_)                                                                            \
	{                                                                                          \
		.name = #name_, .type = &type_                                                     \
	}
#define K(name_, key_, type_)                                                                      \
	{                                                                                          \
		.name = #name_, .key = key_, .type = &type_                                        \
	}
#define O(name_, type_)                                                                            \
	{                                                                                          \
		.name = #name_, .type = &type_, .omitempty = true                                  \
	}
#define OK(name_, key_, type_)                                                                     \
	{                                                                                          \
		.name = #name_, .key = key_, .type = &type_, .omitempty = true                     \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

#define STRUCT(var, go_name)                                                                       \
	static const struct tmpl_type var = {                                                      \
		.kind = TMPL_STRUCT, .name = go_name, .fields = var##_fields}
#define POINTER(var, go_name)                                                                      \
	static const struct tmpl_type var = {                                                      \
		.kind = TMPL_STRUCT, .name = go_name, .fields = var##_fields, .pointer = true}

static const struct tmpl_type str = {.kind = TMPL_STRING};
static const struct tmpl_type num = {.kind = TMPL_INT};
static const struct tmpl_type moment = {.kind = TMPL_TIME};
static const struct tmpl_type flag = {.kind = TMPL_BOOL};
static const struct tmpl_type any = {.kind = TMPL_ANY};
static const struct tmpl_type ptr = {.kind = TMPL_ANY, .pointer = true};
static const struct tmpl_type list = {.kind = TMPL_LIST};
static const struct tmpl_type strs = {.kind = TMPL_LIST, .elem = &str};
static const struct tmpl_type str_map = {.kind = TMPL_MAP, .elem = &str};
static const struct tmpl_type any_map = {.kind = TMPL_MAP};
static const struct tmpl_type empty = {
	.kind = TMPL_STRUCT, .name = "struct {}", .fields = (const struct tmpl_field[]){END}};
static const struct tmpl_type set = {.kind = TMPL_MAP, .elem = &empty};

/* --- ports --- */

static const struct tmpl_field binding_fields[] = {K(HostIP, "HostIp", str), F(HostPort, str), END};
STRUCT(binding, "nat.PortBinding");
static const struct tmpl_type bindings = {.kind = TMPL_LIST, .elem = &binding};
static const struct tmpl_type port_map = {
	.kind = TMPL_MAP, .name = "nat.PortMap", .elem = &bindings};

/* --- containers --- */

static const struct tmpl_field probe_fields[] = {F(Start, moment), F(End, moment), F(ExitCode, num),
						 F(Output, str), END};
POINTER(probe, "*container.HealthcheckResult");
static const struct tmpl_type probes = {.kind = TMPL_LIST, .elem = &probe};

static const struct tmpl_field health_fields[] = {F(Status, str), F(FailingStreak, num),
						  F(Log, probes), END};
POINTER(health, "*container.Health");

static const struct tmpl_field state_fields[] = {
	F(Status, str),
	F(Running, flag),
	F(Paused, flag),
	F(Restarting, flag),
	F(OOMKilled, flag),
	F(Dead, flag),
	F(Pid, num),
	F(ExitCode, num),
	F(Error, str),
	F(StartedAt, str),
	F(FinishedAt, str),
	O(Health, health),
	END,
};
POINTER(state, "*container.State");

static const struct tmpl_field log_config_fields[] = {F(Type, str), F(Config, str_map), END};
STRUCT(log_config, "container.LogConfig");

static const struct tmpl_field restart_fields[] = {F(Name, str), F(MaximumRetryCount, num), END};
STRUCT(restart, "container.RestartPolicy");

static const struct tmpl_field device_fields[] = {F(PathOnHost, str), F(PathInContainer, str),
						  F(CgroupPermissions, str), END};
STRUCT(device, "container.DeviceMapping");
static const struct tmpl_type devices = {.kind = TMPL_LIST, .elem = &device};

static const struct tmpl_field ulimit_fields[] = {F(Name, str), F(Hard, num), F(Soft, num), END};
POINTER(ulimit, "*units.Ulimit");
static const struct tmpl_type ulimits = {.kind = TMPL_LIST, .elem = &ulimit};

static const struct tmpl_field weight_fields[] = {F(Path, str), F(Weight, num), END};
POINTER(weight, "*blkiodev.WeightDevice");
static const struct tmpl_type weights = {.kind = TMPL_LIST, .elem = &weight};

static const struct tmpl_field throttle_fields[] = {F(Path, str), F(Rate, num), END};
POINTER(throttle, "*blkiodev.ThrottleDevice");
static const struct tmpl_type throttles = {.kind = TMPL_LIST, .elem = &throttle};

static const struct tmpl_field host_config_fields[] = {
	F(Binds, strs),
	F(ContainerIDFile, str),
	F(LogConfig, log_config),
	F(NetworkMode, str),
	F(PortBindings, port_map),
	F(RestartPolicy, restart),
	F(AutoRemove, flag),
	F(VolumeDriver, str),
	F(VolumesFrom, strs),
	F(ConsoleSize, list),
	O(Annotations, str_map),
	F(CapAdd, strs),
	F(CapDrop, strs),
	F(CgroupnsMode, str),
	K(DNS, "Dns", strs),
	K(DNSOptions, "DnsOptions", strs),
	K(DNSSearch, "DnsSearch", strs),
	F(ExtraHosts, strs),
	F(GroupAdd, strs),
	F(IpcMode, str),
	F(Cgroup, str),
	F(Links, strs),
	F(OomScoreAdj, num),
	F(PidMode, str),
	F(Privileged, flag),
	F(PublishAllPorts, flag),
	F(ReadonlyRootfs, flag),
	F(SecurityOpt, strs),
	O(StorageOpt, str_map),
	O(Tmpfs, str_map),
	F(UTSMode, str),
	F(UsernsMode, str),
	F(ShmSize, num),
	O(Sysctls, str_map),
	F(Runtime, str),
	F(Isolation, str),
	K(CPUShares, "CpuShares", num),
	F(Memory, num),
	K(NanoCPUs, "NanoCpus", num),
	F(CgroupParent, str),
	F(BlkioWeight, num),
	F(BlkioWeightDevice, weights),
	F(BlkioDeviceReadBps, throttles),
	F(BlkioDeviceWriteBps, throttles),
	F(BlkioDeviceReadIOps, throttles),
	F(BlkioDeviceWriteIOps, throttles),
	K(CPUPeriod, "CpuPeriod", num),
	K(CPUQuota, "CpuQuota", num),
	K(CPURealtimePeriod, "CpuRealtimePeriod", num),
	K(CPURealtimeRuntime, "CpuRealtimeRuntime", num),
	F(CpusetCpus, str),
	F(CpusetMems, str),
	F(Devices, devices),
	F(DeviceCgroupRules, strs),
	F(DeviceRequests, list),
	O(KernelMemory, num),
	O(KernelMemoryTCP, num),
	F(MemoryReservation, num),
	F(MemorySwap, num),
	F(MemorySwappiness, ptr),
	F(OomKillDisable, ptr),
	F(PidsLimit, ptr),
	F(Ulimits, ulimits),
	K(CPUCount, "CpuCount", num),
	K(CPUPercent, "CpuPercent", num),
	F(IOMaximumIOps, num),
	F(IOMaximumBandwidth, num),
	O(Mounts, list),
	F(MaskedPaths, strs),
	F(ReadonlyPaths, strs),
	O(Init, ptr),
	END,
};
POINTER(host_config, "*container.HostConfig");

static const struct tmpl_field healthcheck_fields[] = {
	O(Test, strs),
	O(Interval, num),
	O(Timeout, num),
	O(StartPeriod, num),
	O(StartInterval, num),
	O(Retries, num),
	END,
};
POINTER(healthcheck, "*v1.HealthcheckConfig");

static const struct tmpl_field config_fields[] = {
	F(Hostname, str),
	F(Domainname, str),
	F(User, str),
	F(AttachStdin, flag),
	F(AttachStdout, flag),
	F(AttachStderr, flag),
	O(ExposedPorts, set),
	F(Tty, flag),
	F(OpenStdin, flag),
	F(StdinOnce, flag),
	F(Env, strs),
	F(Cmd, strs),
	O(Healthcheck, healthcheck),
	O(ArgsEscaped, flag),
	F(Image, str),
	F(Volumes, set),
	F(WorkingDir, str),
	F(Entrypoint, strs),
	O(NetworkDisabled, flag),
	O(MacAddress, str),
	F(OnBuild, strs),
	F(Labels, str_map),
	O(StopSignal, str),
	O(StopTimeout, ptr),
	O(Shell, strs),
	END,
};
POINTER(config, "*container.Config");

static const struct tmpl_field endpoint_fields[] = {
	F(IPAMConfig, ptr),	   F(Links, strs),
	F(Aliases, strs),	   F(MacAddress, str),
	F(DriverOpts, str_map),	   F(GwPriority, num),
	F(NetworkID, str),	   F(EndpointID, str),
	F(Gateway, str),	   F(IPAddress, str),
	F(IPPrefixLen, num),	   F(IPv6Gateway, str),
	F(GlobalIPv6Address, str), F(GlobalIPv6PrefixLen, num),
	F(DNSNames, strs),	   END,
};
POINTER(endpoint, "*network.EndpointSettings");
static const struct tmpl_type endpoints = {.kind = TMPL_MAP, .elem = &endpoint};

static const struct tmpl_field network_settings_fields[] = {
	F(Bridge, str),
	F(SandboxID, str),
	F(SandboxKey, str),
	F(Ports, port_map),
	F(HairpinMode, flag),
	F(LinkLocalIPv6Address, str),
	F(LinkLocalIPv6PrefixLen, num),
	F(SecondaryIPAddresses, list),
	F(SecondaryIPv6Addresses, list),
	F(EndpointID, str),
	F(Gateway, str),
	F(GlobalIPv6Address, str),
	F(GlobalIPv6PrefixLen, num),
	F(IPAddress, str),
	F(IPPrefixLen, num),
	F(IPv6Gateway, str),
	F(MacAddress, str),
	F(Networks, endpoints),
	END,
};
POINTER(network_settings, "*container.NetworkSettings");

static const struct tmpl_field graph_fields[] = {F(Data, str_map), F(Name, str), END};
STRUCT(graph, "storage.DriverData");

static const struct tmpl_field mount_fields[] = {
	O(Type, str),	     O(Name, str),	  F(Source, str),
	F(Destination, str), O(Driver, str),	  F(Mode, str),
	F(RW, flag),	     F(Propagation, str), END,
};
STRUCT(mount, "container.MountPoint");
static const struct tmpl_type mounts = {.kind = TMPL_LIST, .elem = &mount};

static const struct tmpl_field container_fields[] = {
	K(ID, "Id", str),
	F(Created, str),
	F(Path, str),
	F(Args, strs),
	F(State, state),
	F(Image, str),
	F(ResolvConfPath, str),
	F(HostnamePath, str),
	F(HostsPath, str),
	F(LogPath, str),
	F(Name, str),
	F(RestartCount, num),
	F(Driver, str),
	F(Platform, str),
	F(MountLabel, str),
	F(ProcessLabel, str),
	F(AppArmorProfile, str),
	F(ExecIDs, strs),
	F(HostConfig, host_config),
	F(GraphDriver, graph),
	O(SizeRw, ptr),
	O(SizeRootFs, ptr),
	F(Mounts, mounts),
	F(Config, config),
	F(NetworkSettings, network_settings),
	O(ImageManifestDescriptor, ptr),
	END,
};
STRUCT(container, "container.InspectResponse");

/* --- images --- */

static const struct tmpl_field image_config_fields[] = {
	O(User, str),
	O(ExposedPorts, set),
	O(Env, strs),
	O(Entrypoint, strs),
	O(Cmd, strs),
	O(Volumes, set),
	O(WorkingDir, str),
	O(Labels, str_map),
	O(StopSignal, str),
	O(ArgsEscaped, flag),
	O(Healthcheck, healthcheck),
	O(OnBuild, strs),
	O(Shell, strs),
	END,
};
POINTER(image_config, "*v1.DockerOCIImageConfig");

static const struct tmpl_field rootfs_fields[] = {O(Type, str), O(Layers, strs), END};
STRUCT(rootfs, "image.RootFS");
static const struct tmpl_field metadata_fields[] = {O(LastTagTime, moment), END};
STRUCT(metadata, "image.Metadata");

static const struct tmpl_field image_fields[] = {
	K(ID, "Id", str),      F(RepoTags, strs),  F(RepoDigests, strs),
	F(Parent, str),	       F(Comment, str),	   F(Created, str),
	O(Container, str),
	O(ContainerConfig, config),
	F(DockerVersion, str), F(Author, str),	   F(Config, image_config),
	F(Architecture, str),  O(Variant, str),	   F(Os, str),
	O(OsVersion, str),     F(Size, num),	   O(VirtualSize, num),
	F(GraphDriver, graph), F(RootFS, rootfs),  F(Metadata, metadata),
	O(Descriptor, ptr),    O(Manifests, list), END,
};
STRUCT(image, "image.InspectResponse");

/* --- networks and volumes --- */

static const struct tmpl_field ipam_config_fields[] = {
	O(Subnet, str),
	O(IPRange, str),
	O(Gateway, str),
	OK(AuxAddress, "AuxiliaryAddresses", str_map),
	END,
};
STRUCT(ipam_config, "network.IPAMConfig");
static const struct tmpl_type ipam_configs = {.kind = TMPL_LIST, .elem = &ipam_config};
static const struct tmpl_field ipam_fields[] = {F(Driver, str), F(Options, str_map),
						F(Config, ipam_configs), END};
STRUCT(ipam, "network.IPAM");
static const struct tmpl_field config_from_fields[] = {F(Network, str), END};
STRUCT(config_from, "network.ConfigReference");
static const struct tmpl_field member_fields[] = {F(Name, str),	       F(EndpointID, str),
						  F(MacAddress, str),  F(IPv4Address, str),
						  F(IPv6Address, str), END};
STRUCT(member, "network.EndpointResource");
static const struct tmpl_type members = {.kind = TMPL_MAP, .elem = &member};

static const struct tmpl_field network_fields[] = {
	F(Name, str),
	K(ID, "Id", str),
	F(Created, moment),
	F(Scope, str),
	F(Driver, str),
	F(EnableIPv4, flag),
	F(EnableIPv6, flag),
	F(IPAM, ipam),
	F(Internal, flag),
	F(Attachable, flag),
	F(Ingress, flag),
	F(ConfigFrom, config_from),
	F(ConfigOnly, flag),
	F(Containers, members),
	F(Options, str_map),
	F(Labels, str_map),
	O(Peers, list),
	O(Services, any_map),
	END,
};
STRUCT(network, "network.Inspect");

static const struct tmpl_field usage_fields[] = {F(RefCount, num), F(Size, num), END};
POINTER(usage, "*volume.UsageData");
static const struct tmpl_field volume_fields[] = {
	O(ClusterVolume, ptr),
	O(CreatedAt, str),
	F(Driver, str),
	F(Labels, str_map),
	F(Mountpoint, str),
	F(Name, str),
	F(Options, str_map),
	F(Scope, str),
	O(Status, any_map),
	O(UsageData, usage),
	END,
};
STRUCT(volume, "volume.Volume");

/* --- version, events --- */

static const struct tmpl_field component_fields[] = {F(Name, str), F(Version, str),
						     O(Details, str_map), END};
STRUCT(component, "types.ComponentVersion");
static const struct tmpl_type components = {.kind = TMPL_LIST, .elem = &component};
static const struct tmpl_field platform_fields[] = {F(Name, str), END};
STRUCT(platform, "struct { Name string }");

static const struct tmpl_field server_fields[] = {
	F(Platform, platform),
	O(Components, components),
	F(Version, str),
	K(APIVersion, "ApiVersion", str),
	O(MinAPIVersion, str),
	F(GitCommit, str),
	F(GoVersion, str),
	F(Os, str),
	F(Arch, str),
	O(KernelVersion, str),
	O(Experimental, flag),
	O(BuildTime, str),
	END,
};
POINTER(server, "*types.Version");
static const struct tmpl_field client_fields[] = {
	F(Version, str),
	K(APIVersion, "ApiVersion", str),
	F(DefaultAPIVersion, str),
	F(GitCommit, str),
	F(GoVersion, str),
	F(Os, str),
	F(Arch, str),
	O(BuildTime, str),
	F(Context, str),
	END,
};
STRUCT(client, "system.clientVersion");
static const struct tmpl_field version_fields[] = {F(Client, client), F(Server, server), END};

const struct tmpl_type type_version = {
	.kind = TMPL_STRUCT, .name = "system.versionInfo", .fields = version_fields};

static const struct tmpl_field actor_fields[] = {F(ID, str), F(Attributes, str_map), END};
STRUCT(actor, "events.Actor");
static const struct tmpl_field event_fields[] = {
	OK(Status, "status", str),
	OK(ID, "id", str),
	OK(From, "from", str),
	F(Type, str),
	F(Action, str),
	F(Actor, actor),
	OK(Scope, "scope", str),
	OK(Time, "time", num),
	OK(TimeNano, "timeNano", num),
	END,
};
const struct tmpl_type type_event = {
	.kind = TMPL_STRUCT, .name = "*events.Message", .fields = event_fields};

const struct tmpl_type *inspect_type(enum inspect_kind kind)
{
	static const struct tmpl_type *const types[] = {
		[INSPECT_CONTAINER] = &container, [INSPECT_IMAGE] = &image,
		[INSPECT_NETWORK] = &network,	  [INSPECT_VOLUME] = &volume,
		[INSPECT_OTHER] = &any,
	};

	return types[kind];
}
