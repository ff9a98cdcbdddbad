/// Makes certificates with `openssl` in a scene's folder: `NAME.pem` and `NAME.key`.
struct CertificateShop {
    let scene: Scene

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    func path(_ file: String) -> String { "\(self.scene.folder)/\(file)" }

    /// Signed by itself, for some host names.
    func make(_ name: String, for hosts: [String] = ["site.test"], kind: [String] = Self.newKey) throws {
        let names = hosts.map { "DNS:\($0)" }.joined(separator: ",")
        try self.openssl(
            ["req", "-x509"] + kind + ["-days", "90", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)"]
                + ["-keyout", self.path("\(name).key"), "-out", self.path("\(name).pem")]
        )
    }

    /// Signed by another one; ends so many days from now.
    func make(_ name: String, signedBy authority: String, serial: Int, days: Int = 90) throws {
        let request = self.path("\(name).csr")
        try self.openssl(
            ["req"] + Self.newKey + ["-subj", "/CN=\(name)", "-keyout", self.path("\(name).key"), "-out", request]
        )
        try self.openssl(
            [
                "x509", "-req", "-in", request, "-CA", self.path("\(authority).pem"), "-CAkey",
                self.path("\(authority).key"), "-set_serial", "\(serial)", "-days", "\(days)", "-out",
                self.path("\(name).pem"),
            ]
        )
    }

    /// The authority's word on a certificate of its own, in `NAME.der`, good for a day.
    func staple(_ name: String, by authority: String, serial: Int, isRevoked: Bool = false) throws {
        let number = String(serial, radix: 16, uppercase: true)
        let hex = number.count % 2 == 0 ? number : "0\(number)"
        let state = isRevoked ? "R\t370101000000Z\t260101000000Z" : "V\t370101000000Z\t"
        try self.scene.write("\(state)\t\(hex)\tunknown\t/CN=\(name)\n", to: self.path("index"))
        let own = ["-issuer", self.path("\(authority).pem"), "-cert", self.path("\(name).pem")]
        try self.openssl(["ocsp", "-no_nonce", "-reqout", self.path("request.der")] + own)
        try self.openssl(
            [
                "ocsp", "-index", self.path("index"), "-CA", self.path("\(authority).pem"), "-rsigner",
                self.path("\(authority).pem"), "-rkey", self.path("\(authority).key"), "-reqin",
                self.path("request.der"), "-respout", self.path("\(name).der"), "-ndays", "1",
            ]
        )
    }

    /// What tells a certificate from others.
    func fingerprint(_ name: String) throws -> String {
        try self.openssl(["x509", "-in", self.path("\(name).pem"), "-noout", "-fingerprint", "-sha256"])
    }

    /// That of the certificate which the listener shows.
    func shown(by port: UInt16, host: String? = nil, more: String = "") throws -> String {
        let asked = host.map { "-servername \($0)" } ?? "-noservername"
        let script = """
            openssl s_client -connect 127.0.0.1:\(port) \(asked) \(more) < /dev/null 2> /dev/null |
                openssl x509 -noout -fingerprint -sha256
            """
        return try self.scene.run("sh", ["-c", script]).output
    }

    /// Puts another certificate in the place of one, as whoever renews them does.
    func replace(_ name: String, by other: String) throws {
        for kind in ["pem", "key"] {
            try self.scene.write(
                RunningProcess.text(self.path("\(other).\(kind)")),
                to: self.path("\(name).\(kind)")
            )
        }
    }

    @discardableResult
    func openssl(_ words: [String]) throws -> String {
        let made = try self.scene.run("openssl", words)
        guard made.end == .exited(0) else { throw Disappointment("openssl \(words): \(made.errors)") }
        return made.output
    }
}
