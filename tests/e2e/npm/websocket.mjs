// Both ends of WebSockets on npm's `ws`, moved by lines of JSON: what they are told to do comes in, what happens to them
// goes out. A socket has a number: the caller's own choice where it connects, ours where it was accepted. Ends with its
// input.
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer } from 'ws';

const sockets = new Map();
let accepted = 0;

const tell = (event) => console.log(JSON.stringify(event));
const compression = (compress) => (compress ? { threshold: 0 } : false);

const watch = (number, socket) => {
  sockets.set(number, socket);
  const told = (event, more) => tell({ socket: number, event, ...more });
  socket.on('message', (data, binary) => told('message', { data: data.toString('base64'), text: !binary }));
  socket.on('ping', (data) => told('ping', { data: data.toString() }));
  socket.on('pong', (data) => told('pong', { data: data.toString() }));
  socket.on('error', (error) => told('error', { message: error.message }));
  socket.on('close', (code, reason) => told('close', { code, reason: reason.toString() }));
};

const sendFragments = (socket, data, { text, fragments }) => {
  const size = Math.max(1, Math.ceil(data.length / fragments));
  for (let at = 0; at === 0 || at < data.length; at += size)
    socket.send(data.subarray(at, at + size), { binary: !text, fin: at + size >= data.length });
};

const orders = {
  listen({ compress }) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: compression(compress) });
    server.on('listening', () => tell({ socket: 0, event: 'listening', port: server.address().port }));
    server.on('connection', (socket, request) => {
      accepted -= 1;
      watch(accepted, socket);
      tell({ socket: 0, event: 'accepted', number: accepted, headers: request.headers, extensions: socket.extensions });
    });
  },
  connect({ socket: number, url, headers, compress }) {
    const socket = new WebSocket(url, { headers, perMessageDeflate: compression(compress) });
    watch(number, socket);
    const answered = (status) =>
      tell({ socket: number, event: 'answered', status, extensions: socket.extensions, headers: {} });
    socket.on('open', () => answered(101));
    socket.on('unexpected-response', (request, response) => {
      answered(response.statusCode);
      request.destroy();
    });
  },
  send({ socket, data, ...how }) {
    sendFragments(sockets.get(socket), Buffer.from(data, 'base64'), how);
  },
  ping({ socket, data }) {
    sockets.get(socket).ping(data);
  },
  close({ socket, code, reason }) {
    sockets.get(socket).close(code, reason);
  },
  drop({ socket }) {
    sockets.get(socket).terminate();
  },
};

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line);
  orders[order.do](order);
});
lines.on('close', () => process.exit());
