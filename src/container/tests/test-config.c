/*
 * test-config.c - a container's configuration: merged with its image, completed, refused
 */
#include "container/spec.h"

#include "base/tap.h"

static struct containers cs;

static struct container *make(const char *config, const char *host)
{
	struct container *c = container_new(&cs);
	json_t *j = json_parse(config, strlen(config), NULL), *h = json_parse(host, strlen(host), NULL);

	c->id = xstrdup("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	c->name = xstrdup("web");
	c->dir = xstrdup("/nonexistent");
	ok_eq(json_bind(&container_config_type, j, &c->config, NULL), 0);
	ok_eq(json_bind(&host_config_type, h, &c->host, NULL), 0);
	json_decref(j);
	json_decref(h);
	return c;
}

static struct image *make_image(const char *config)
{
	AUTO(free) char *text = xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":%s,"
					  "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}", config);
	struct image *img = NULL;
	struct err err = ERR_INIT;

	if (image_parse(text, strlen(text), &img, &err) < 0)
		printf("# %s\n", err.msg);
	return img;
}

static void check_command(const char *user, const char *image, const char *path, const char *args)
{
	struct container *c = make(user, "{}");
	struct image *img = make_image(image);
	AUTO(free) char *joined = NULL;

	ok_eq(config_merge_image(c, img, NULL), 0);
	ok_eq(config_defaults(c, NULL), 0);
	joined = strv_join(&c->args, " ");
	ok_str(c->path, path);
	ok_str(joined, args);
	image_unref(img);
	container_put(c);
}

static void test_command(void)
{
	const char *both = "{\"Entrypoint\":[\"/e\"],\"Cmd\":[\"x\",\"y\"]}";

	check_command("{}", both, "/e", "x y");
	check_command("{\"Cmd\":[\"z\"]}", both, "/e", "z");
	check_command("{\"Entrypoint\":[\"/mine\"]}", both, "/mine", "");
	check_command("{\"Entrypoint\":[\"/mine\"],\"Cmd\":[\"a\"]}", both, "/mine", "a");
	check_command("{\"Entrypoint\":[\"\"],\"Cmd\":[\"a\",\"b\"]}", both, "a", "b");
	check_command("{}", "{\"Cmd\":[\"sh\"]}", "sh", "");
}

static void test_no_command(void)
{
	struct container *c = make("{\"Entrypoint\":[\"\"]}", "{}");
	struct image *img = make_image("{\"Cmd\":[\"sh\"]}");
	struct err err = ERR_INIT;

	ok_eq(config_merge_image(c, img, &err), -1);
	ok_str(err.msg, "no command specified");
	image_unref(img);
	container_put(c);
}

static void test_env_and_labels(void)
{
	struct container *c = make("{\"Env\":[\"B=mine\",\"C=3\"],\"Labels\":{\"l\":\"mine\"},\"Cmd\":[\"x\"]}", "{}");
	struct image *img = make_image("{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"l\":\"image\",\"k\":\"v\"},"
				       "\"User\":\"u\",\"WorkingDir\":\"/w\",\"ExposedPorts\":{\"80/tcp\":{}}}");
	AUTO(free) char *env = NULL;

	ok_eq(config_merge_image(c, img, NULL), 0);
	env = strv_join(&c->config.env, " ");
	ok_str(env, "A=1 B=mine C=3");
	ok_str(map_get(&c->config.labels, "l"), "mine");
	ok_str(map_get(&c->config.labels, "k"), "v");
	ok_str(c->config.user, "u");
	ok_str(c->config.working_dir, "/w");
	ok(strv_has(&c->config.exposed_ports, "80/tcp"));
	image_unref(img);
	container_put(c);
}

static void check_refusal(const char *config, const char *host, const char *want)
{
	struct container *c = make(config, host);
	struct image *img = make_image("{\"Cmd\":[\"sh\"]}");
	AUTO(strv) struct strv warnings = {0};
	struct err err = ERR_INIT;

	ok_eq(config_merge_image(c, img, &err), 0);
	ok_eq(config_defaults(c, &err), 0);
	ok_eq(config_check(c, &warnings, &err), *want ? -1 : 0);
	ok_str(err.msg, want);
	image_unref(img);
	container_put(c);
}

static void test_refusals(void)
{
	check_refusal("{}", "{}", "");
	check_refusal("{}", "{\"Memory\":1024}", "Minimum memory limit allowed is 6MB");
	check_refusal("{}", "{\"MemorySwap\":10000000}",
		      "You should always set the Memory limit when using Memoryswap limit, see usage");
	check_refusal("{}", "{\"NanoCpus\":1000000000,\"CpuQuota\":5000}",
		      "Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
	check_refusal("{}", "{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}",
		      "can't create 'AutoRemove' container with restart policy");
	check_refusal("{}", "{\"RestartPolicy\":{\"Name\":\"sometimes\"}}",
		      "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', "
		      "'on-failure', or 'unless-stopped'");
	check_refusal("{\"WorkingDir\":\"x\"}", "{}",
		      "the working directory 'x' is invalid, it needs to be an absolute path");
	check_refusal("{\"StopSignal\":\"NOPE\"}", "{}", "invalid signal: NOPE");
	check_refusal("{}", "{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-sizes\":\"1\"}}}",
		      "unknown log opt 'max-sizes' for json-file log driver");
	check_refusal("{}", "{\"SecurityOpt\":[\"nonsense\"]}", "invalid --security-opt 1: \"nonsense\"");
	check_refusal("{}", "{\"Links\":[\"a:b\"]}",
		      "legacy links are not supported: put the containers on a network of their own");
	check_refusal("{}", "{\"SecurityOpt\":[\"apparmor=x\"]}",
		      "security option apparmor=x: profiles of AppArmor are not applied by this engine, only "
		      "unconfined is accepted");
	check_refusal("{}", "{\"SecurityOpt\":[\"apparmor=unconfined\"]}", "");
	check_refusal("{}", "{\"Runtime\":\"kata\"}", "unknown or invalid runtime name: kata");
}

static void check_caps(const char *host, const char *want)
{
	struct container *c = make("{}", host);
	AUTO(strv) struct strv caps = {0};
	AUTO(free) char *joined = NULL;
	struct err err = ERR_INIT;

	if (caps_for(&c->host, c->host.privileged, &caps, &err) < 0)
		strv_add(&caps, err.msg);
	strv_sort(&caps);
	joined = strv_join(&caps, " ");
	ok_str(joined, want);
	container_put(c);
}

static void test_caps(void)
{
	check_caps("{\"CapDrop\":[\"ALL\"]}", "");
	check_caps("{\"CapDrop\":[\"all\"],\"CapAdd\":[\"chown\",\"CAP_KILL\"]}", "CAP_CHOWN CAP_KILL");
	check_caps("{\"CapAdd\":[\"frobnicate\"]}", "invalid CapAdd: unknown capability: \"CAP_FROBNICATE\"");
	check_caps("{}", "CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD "
			 "CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID "
			 "CAP_SYS_CHROOT");
}

static void check_bind(const char *host, const char *want)
{
	struct container *c = make("{}", host);
	struct err err = ERR_INIT;
	int r = mounts_resolve(c, NULL, &err);

	if (r == 0) {
		const struct mount_point *mp = c->mounts.v;
		AUTO(free) char *got = xasprintf("%s %s %s %s %s", mp->type, mp->name ? mp->name : mp->source,
						 mp->destination, mp->rw ? "rw" : "ro", mp->propagation);

		ok_str(got, want);
	} else {
		ok_str(err.msg, want);
	}
	container_put(c);
}

static void test_binds(void)
{
	check_bind("{\"Binds\":[\"/a:/b\"]}", "bind /a /b rw rprivate");
	check_bind("{\"Binds\":[\"/a/../c:/b/:ro,rshared\"]}", "bind /c /b ro rshared");
	check_bind("{\"Binds\":[\"data:/var/lib:nocopy\"]}", "volume data /var/lib rw ");
	check_bind("{\"Binds\":[\"/a:/b:sideways\"]}",
		   "invalid volume specification: '/a:/b:sideways': invalid mode: sideways");
	check_bind("{\"Binds\":[\"/a\"]}", "invalid volume specification: '/a'");
	check_bind("{\"Binds\":[\"/a:b\"]}",
		   "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount "
		   "path: 'b' mount path must be absolute");
	check_bind("{\"Binds\":[\"/a:/b\",\"/c:/b\"]}", "Duplicate mount point: /b");
	check_bind("{\"Binds\":[\"/a:/\"]}",
		   "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid "
		   "specification: destination can't be '/'");
}

int main(void)
{
	pthread_mutex_init(&cs.lock, NULL);
	test_run(test_command);
	test_run(test_no_command);
	test_run(test_env_and_labels);
	test_run(test_refusals);
	test_run(test_caps);
	test_run(test_binds);
	return test_done();
}
