/// Tells a worker who the client is, by the certificate that it has shown (RFC 9440).
enum ClientCertificateField {
    /// A whole field line: the certificate, given as DER, is a byte sequence of RFC 8941 section 3.3.5.
    static func line(_ certificate: [UInt8]) -> [UInt8] {
        var line = Array("client-cert: :".utf8)
        line.reserveCapacity(certificate.count / 3 * 4 + 32)
        for start in stride(from: 0, to: certificate.count, by: 3) {
            let group = certificate[start..<min(start + 3, certificate.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                let isFilled = index <= group.count
                line.append(isFilled ? self.digits[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return line + Array(":\r\n".utf8)
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
