// Node's HTTP modules. An import statement would read every one of their exports, and reading `http.WebSocket` loads a second
// HTTP client: 3 MB in an agent that has 20.
import process from 'node:process';

export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
