import Foundation
import Glibc

/// Debian's nginx as a site to play against: one process, pages in a folder of the scene, TLS by a certificate of its
/// own.
final class Nginx {
    enum Kind: String, CaseIterable {
        case plain, tls
        case plainHTTP2, tlsHTTP2

        var isTLS: Bool { self == .tls || self == .tlsHTTP2 }

        var words: String {
            switch self {
            case .plain: ""
            case .tls: " ssl"
            case .plainHTTP2: " http2"
            case .tlsHTTP2: " ssl http2"
            }
        }
    }

    let process: RunningProcess
    private let ports: [Kind: UInt16]
    let certificate: String

    /// Serves `pages`, names and contents; the certificate is for `name`.
    init(_ scene: Scene, pages: [String: String], name: String = "localhost") throws {
        let folder = scene.folder
        mkdir("\(folder)/www", 0o755)
        for (page, text) in pages { try scene.write(text, to: "\(folder)/www/\(page)") }
        self.certificate = "\(folder)/site.pem"
        let made = try scene.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                "-subj",
                "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", "\(folder)/site-key.pem", "-out",
                self.certificate,
            ]
        )
        guard made.end == .exited(0) else { throw Disappointment(made.errors) }
        // nginx cannot choose ports, and somebody else may take one in between: then others are tried.
        for _ in 0..<5 {
            let ports = try Dictionary(uniqueKeysWithValues: Kind.allCases.map { ($0, try Self.freePort()) })
            try scene.write(Self.configuration(folder, ports), to: "\(folder)/nginx.conf")
            let process = try scene.launch(Self.program, ["-p", folder, "-c", "\(folder)/nginx.conf"])
            try Patience.wait(for: "nginx to listen") {
                process.endIfEnded != nil || access("\(folder)/nginx.pid", F_OK) == 0 && Self.listens(ports[.tlsHTTP2]!)
            }
            guard process.endIfEnded == nil else { continue }
            self.ports = ports
            self.process = process
            return
        }
        throw Disappointment("nginx does not start: \(RunningProcess.text("\(folder)/nginx.log"))")
    }

    /// Debian keeps daemons where a user's PATH may not look.
    private static var program: String { access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx" }

    func port(_ kind: Kind) -> UInt16 { self.ports[kind]! }

    private static func configuration(_ folder: String, _ ports: [Kind: UInt16]) -> String {
        let servers = ports.map { kind, port in
            let tls =
                kind.isTLS
                ? "ssl_certificate \(folder)/site.pem; ssl_certificate_key \(folder)/site-key.pem; "
                    + "ssl_session_cache shared:\(kind.rawValue):1m;"
                : ""
            return "server { listen 127.0.0.1:\(port)\(kind.words); root \(folder)/www; \(tls) }"
        }
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        return """
            daemon off; master_process off; pid \(folder)/nginx.pid; error_log \(folder)/nginx.log;
            events { worker_connections 1000; }
            http {
                log_format requests '$server_port $server_protocol $ssl_session_reused';
                access_log \(folder)/access.log requests;
                types { text/html html; }
                keepalive_requests 100000;
                \(paths.joined(separator: " "))
                \(servers.joined(separator: "\n    "))
            }
            """
    }

    private static func freePort() throws -> UInt16 {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(fd, pointer, length) == 0 && getsockname(fd, pointer, &length) == 0
            }
        }
        guard code else { throw Disappointment("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func listens(_ port: UInt16) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        var address = Self.loopback(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
