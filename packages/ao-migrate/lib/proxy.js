'use strict';
const http = require('node:http');
const https = require('node:https');
const tls = require('node:tls');

const first = (env, names) => names.map((name) => env[name]).find((value) => value !== undefined && value !== '');

/** Hosts for which no proxy is used: `host`, `.domain`, `*.domain`, `host:port`, `*`. */
function isExempt(url, list) {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return (list ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name, only] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.includes('::') ? `[${entry}]` : entry) ?? [];
      if (only !== undefined && only !== port) return false;
      const domain = name.replace(/^\*?\./, '');
      return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
    });
}

/** The proxy for an address, or null: the usual variables, then what npm was configured with. */
function proxyFor(url, env) {
  if (isExempt(url, first(env, ['no_proxy', 'NO_PROXY', 'npm_config_noproxy']))) return null;
  const names =
    url.protocol === 'https:'
      ? ['https_proxy', 'HTTPS_PROXY', 'npm_config_https_proxy', 'npm_config_proxy', 'all_proxy', 'ALL_PROXY']
      : ['http_proxy', 'HTTP_PROXY', 'npm_config_proxy', 'all_proxy', 'ALL_PROXY'];
  const named = first(env, names);
  if (named === undefined || named === 'null' || named === 'false') return null;
  try {
    const proxy = new URL(named.includes('://') ? named : `http://${named}`);
    return proxy.protocol === 'http:' || proxy.protocol === 'https:' ? proxy : null;
  } catch {
    return null;
  }
}

function authorization({ username, password }) {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

const clientOf = (protocol) => (protocol === 'https:' ? https : http);

/** Opens a tunnel through the proxy to the host of `url`. */
function tunnel(url, proxy, signal) {
  const place = `${url.hostname}:${url.port || 443}`;
  return new Promise((resolve, reject) => {
    const request = clientOf(proxy.protocol).request(proxy, {
      method: 'CONNECT',
      path: place,
      headers: { host: place, ...authorization(proxy) },
      agent: false,
      signal,
    });
    request.on('connect', (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(new Error(`the proxy answered ${answer.statusCode}`));
      }
    });
    request.on('response', (answer) => reject(new Error(`the proxy answered ${answer.statusCode}`)));
    request.on('error', reject);
    request.end();
  });
}

/** One GET, through a proxy where one is set; the answer with its head read and its body not. */
async function get(url, env, signal) {
  const proxy = proxyFor(url, env);
  const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'ao-migrate' };
  let target = url;
  let options = { headers, agent: false, signal };
  if (proxy !== null && url.protocol === 'https:') {
    const socket = await tunnel(url, proxy, signal);
    // With an agent, even `false`, the connection would be the agent's own.
    options = { headers, signal, createConnection: () => tls.connect({ socket, servername: url.hostname }) };
  } else if (proxy !== null) {
    options = { ...options, path: url.href, headers: { ...headers, host: url.host, ...authorization(proxy) } };
    target = proxy;
  }
  return new Promise((resolve, reject) => {
    const request = clientOf(target.protocol).request(target, options, resolve);
    request.on('error', reject);
    request.end();
  });
}

module.exports = { get, proxyFor };
