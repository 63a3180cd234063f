// One turn over Node's global WebSocket: node socket.mjs URL MESSAGE
const [url, message] = process.argv.slice(2);
const socket = new WebSocket(url);
socket.onopen = () => socket.send(message);
socket.onerror = (event) => {
  console.error(event.message ?? "error");
  process.exit(1);
};
socket.onmessage = (event) => {
  const type = JSON.parse(event.data).type;
  if (type === "response.completed") {
    console.log(type);
    socket.close();
  }
};
