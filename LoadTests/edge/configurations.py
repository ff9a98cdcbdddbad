"""What the servers of the bench are told: texts with {names} that a site fills in."""

NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}/pid; error_log stderr; user root; worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 1h;
{servers}
}}
"""
# A body that does not fit into its buffers waits for the client, and not on a disk.
NGINX_SERVERS = """
  ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.3;
  upstream o {{ server 127.0.0.1:{origin}; keepalive 512; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
  server {{ listen 127.0.0.1:{nginx_poll} reuseport; listen 127.0.0.1:{nginx_polls} ssl reuseport;
    ssl_session_tickets off; add_header Cache-Control no-store; default_type application/json;
    location / {{ return 200 '{poll}'; }} }}
  server {{ listen 127.0.0.1:{nginx_page} reuseport; add_header Cache-Control no-store; default_type text/html;
    location / {{ return 200 '{waiting_page}'; }} }}
  server {{ listen 127.0.0.1:{nginx_proxy} reuseport; listen 127.0.0.1:{nginx_proxys} ssl reuseport;
    ssl_session_tickets off; location / {{ proxy_pass http://o; }} }}
  server {{ listen 127.0.0.1:{nginx_tickets} ssl reuseport; location / {{ proxy_pass http://o; }} }}
"""
ORIGIN = """
  server {{ listen 127.0.0.1:{origin}; {more}
    location / {{ default_type text/plain; return 200 '{page}'; }}
    location = /large {{ default_type application/octet-stream; alias {folder}/large; sendfile on; tcp_nopush on; }} }}
"""
HAPROXY = """
global
  nbthread 1
  maxconn 5000
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout client 1h
  timeout server 30s
  timeout connect 5s
frontend fixed
  bind 127.0.0.1:{haproxy_poll}
  bind 127.0.0.1:{haproxy_polls} ssl crt {folder}/both.pem no-tls-tickets
  http-request return status 200 content-type application/json hdr cache-control no-store string '{poll}'
frontend page
  bind 127.0.0.1:{haproxy_page}
  http-request return status 200 content-type text/html hdr cache-control no-store file {folder}/waiting.html
frontend proxy
  bind 127.0.0.1:{haproxy_proxy}
  bind 127.0.0.1:{haproxy_proxys} ssl crt {folder}/both.pem no-tls-tickets
  bind 127.0.0.1:{haproxy_tickets} ssl crt {folder}/both.pem
  default_backend o
backend o
  http-reuse always
  server s1 127.0.0.1:{origin}
"""
# One visitor stands for all: the limit of what one may have under way is kept account of, and never reached.
SLUICE = """
listen:
  - {{address: 127.0.0.1:{plain}}}
  - {{address: 127.0.0.1:{secure}, tls: {{certificate: {folder}/{certificate}.pem, key: {folder}/{key}.pem}}}}
admin: {{listen: 127.0.0.1:{admin}}}
state_folder: {folder}/state-{name}
redis: embedded
loops: {loops}
log: {{level: warning}}
limits: {{idle_timeout: 10m, connections: {connections}}}
pools:
  origin: {{driver: static, workers: [{workers}], connections_per_worker: 1024}}
rooms:
  held: {{slots: 1, inflow: 0/s}}
  open: {{slots: 1000, inflow: 1000/s, session_length: 1h, per_visitor: {{requests: 10000}}}}
{rooms}
routes:
  - {{host: "*", path: /held, pool: origin, room: held}}
  - {{host: "*", path: /open, pool: origin, room: open}}
  - {{host: "*", path: /, pool: origin}}
{routes}
"""
