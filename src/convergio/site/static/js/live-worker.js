// Shared by all windows of one browser, so that they hold one connection together: HTTP/1.1 allows six a host.

import { openStream } from './stream.js';

const ports = [];
let state = null;

function tell(message) {
  if (message.state) state = message;
  for (const port of ports) port.postMessage(message);
}

self.onconnect = ({ ports: [port] }) => {
  const first = ports.length === 0;
  ports.push(port);
  port.onmessage = ({ data }) => {
    if (first) openStream(data.url, tell);
    else if (state) port.postMessage(state);
  };
};
