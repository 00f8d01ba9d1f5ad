/* SPDX-License-Identifier: Apache-2.0 */
/* URIs of networks: the back-end and its parameters. See net.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_backend.h"
#include "net_frame.h"

static const struct fantail_net_ops *const backends[] = {
	&fantail_net_slirp_ops,
	&fantail_net_tap_ops,
	&fantail_net_peers_ops,
	&fantail_net_script_ops,
};

static int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || *end || v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_ip(const char *s, uint32_t *ip)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, s, &addr) != 1)
		return -EINVAL;
	*ip = ntohl(addr.s_addr);
	return 0;
}

/* "[ip]:port", an empty ip leaves *ip alone. Changes the string. */
static int parse_ip_port(char *s, uint32_t *ip, uint16_t *port)
{
	char *colon = strchr(s, ':');
	uint64_t v;

	if (!colon)
		return -EINVAL;
	*colon = 0;
	if (*s && parse_ip(s, ip))
		return -EINVAL;
	if (parse_u64(colon + 1, 1, 65535, &v))
		return -EINVAL;
	*port = (uint16_t)v;
	return 0;
}

static int parse_hostfwd(struct fantail_net_config *cfg, char *value)
{
	char *dash = strchr(value, '-');

	if (!dash)
		return -EINVAL;
	*dash = 0;
	if (parse_ip_port(value, &cfg->host_ip, &cfg->host_port))
		return -EINVAL;
	return parse_ip_port(dash + 1, &cfg->card_ip, &cfg->card_port);
}

static int parse_peers_param(struct fantail_peers_config *cfg, const char *name,
			     const char *value)
{
	struct fantail_peer_options *o = &cfg->options;
	uint64_t v;

	if (!strcmp(name, "wscale") && !strcmp(value, "-1")) {
		o->wscale = -1;
		return 0;
	}
	if (parse_u64(value, 0, UINT32_MAX, &v))
		return -EINVAL;
	if (!strcmp(name, "count") && v >= 1 && v <= FANTAIL_PEERS_MAX)
		cfg->count = (uint32_t)v;
	else if (!strcmp(name, "mss") && v <= 65535)
		o->mss = (uint16_t)v;
	else if (!strcmp(name, "wscale") && v <= WSCALE_MAX)
		o->wscale = (int8_t)v;
	else if (!strcmp(name, "timestamps") && v <= 1)
		o->timestamps = v;
	else if (!strcmp(name, "buffer"))
		o->buffer = (uint32_t)v;
	else if (!strcmp(name, "ack_every") && v >= 1 && v <= 255)
		o->ack_every = (uint8_t)v;
	else if (!strcmp(name, "ack_delay_us"))
		o->ack_delay_us = (uint32_t)v;
	else if (!strcmp(name, "delay_us"))
		cfg->delay_us = (uint32_t)v;
	else if (!strcmp(name, "connects_per_ms"))
		cfg->connects_per_ms = (uint32_t)v;
	else
		return -EINVAL;
	return 0;
}

static int parse_tap_param(struct fantail_tap_config *cfg, const char *name,
			   const char *value)
{
	uint64_t v;

	if (!strcmp(name, "ip"))
		return parse_ip(value, &cfg->ip);
	if (!strcmp(name, "congestion")) {
		if (!*value || strlen(value) >= sizeof(cfg->congestion))
			return -EINVAL;
		snprintf(cfg->congestion, sizeof(cfg->congestion), "%s", value);
		return 0;
	}
	if (parse_u64(value, 0, 1, &v))
		return -EINVAL;
	if (!strcmp(name, "sack"))
		cfg->sack = v;
	else if (!strcmp(name, "timestamps"))
		cfg->timestamps = v;
	else
		return -EINVAL;
	return 0;
}

/* -ENOENT: no setting of the link. */
static int parse_link_param(struct fantail_link_config *cfg, const char *name,
			    const char *value)
{
	bool tx = strncmp(name, "rx.", 3) != 0;
	bool rx = strncmp(name, "tx.", 3) != 0;
	const char *must;
	int ret = 0;

	if (tx != rx)
		name += 3;
	if (tx)
		ret = fantail_link_set(&cfg->way[FANTAIL_LINK_TX], name, value,
				       &must);
	if (rx && !ret)
		ret = fantail_link_set(&cfg->way[FANTAIL_LINK_RX], name, value,
				       &must);
	return ret;
}

static int parse_param(struct fantail_net *net, char *name, char *value)
{
	struct fantail_net_config *cfg = &net->cfg;
	uint64_t v;
	int ret;

	if (!strcmp(name, "card_ip"))
		return parse_ip(value, &cfg->card_ip);
	if (!strcmp(name, "card_port")) {
		if (parse_u64(value, 1, 65535, &v))
			return -EINVAL;
		cfg->card_port = (uint16_t)v;
		return 0;
	}
	if (!strcmp(name, "seed"))
		return parse_u64(value, 0, UINT64_MAX, &cfg->seed);
	ret = parse_link_param(&net->link_cfg, name, value);
	if (ret != -ENOENT)
		return ret;
	if (net->ops == &fantail_net_slirp_ops && !strcmp(name, "hostfwd"))
		return parse_hostfwd(cfg, value);
	if (net->ops == &fantail_net_peers_ops)
		return parse_peers_param(&net->peers_cfg, name, value);
	if (net->ops == &fantail_net_tap_ops)
		return parse_tap_param(&net->tap_cfg, name, value);
	return -EINVAL;
}

static int parse_params(struct fantail_net *net, const char *params)
{
	char *copy, *param, *value, *save = NULL;
	int ret = 0;

	copy = strdup(params);
	if (!copy)
		return -ENOMEM;
	for (param = strtok_r(copy, "&", &save); param && !ret;
	     param = strtok_r(NULL, "&", &save)) {
		char said[128];

		snprintf(said, sizeof(said), "%s", param);
		value = strchr(param, '=');
		ret = -EINVAL;
		if (value) {
			*value++ = 0;
			ret = parse_param(net, param, value);
		}
		if (ret)
			net_log(net, FANTAIL_NET_LOG_ERROR,
				"%s: bad parameter or value '%s'",
				net->ops->scheme, said);
	}
	free(copy);
	return ret;
}

int net_parse_uri(struct fantail_net *net, const char *uri)
{
	size_t i, len = strcspn(uri, ":");

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strlen(backends[i]->scheme) == len &&
		    !memcmp(backends[i]->scheme, uri, len))
			net->ops = backends[i];
	if (!net->ops || uri[len] != ':' ||
	    (uri[len + 1] && uri[len + 1] != '?')) {
		net_log(net, FANTAIL_NET_LOG_ERROR,
			"network '%s': not slirp:, tap:, peers: or "
			"script:[?...]",
			uri);
		return -EINVAL;
	}
	return uri[len + 1] ? parse_params(net, uri + len + 2) : 0;
}
