/// Where the certificates of somebody who listens come from.
public enum TLSSettings: Equatable, Sendable, CustomStringConvertible {
    /// Made in the state folder at the first start.
    case selfSigned
    /// At least one; the first is for clients that ask for no name, or for one that none of them has.
    case files([CertificateSettings])

    public static func files(certificate: String, key: String) -> Self {
        .files([CertificateSettings(certificate: certificate, key: key)])
    }

    public var description: String {
        switch self {
        case .selfSigned: return "self_signed"
        case .files(let all):
            let texts = all.map(\.description)
            return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        }
    }

    /// Where the settings of the certificate with that index stand, from the key `tls` at `path`.
    package func place(of index: Int, at path: String) -> String {
        if case .files(let all) = self, all.count > 1 { return "\(path)[\(index)]" }
        return path
    }

    func resolved(in folder: String) -> Self {
        guard case .files(let all) = self else { return self }
        return .files(all.map { $0.resolved(in: folder) })
    }
}

/// The files of one certificate.
public struct CertificateSettings: Equatable, Sendable, CustomStringConvertible {
    /// PEM; may hold the whole chain, the server's own first.
    public var certificate: String
    /// PEM, without a passphrase.
    public var key: String
    /// DER: what the authority says about the certificate, by OCSP. Nil: nothing is stapled.
    public var staple: String?

    public init(certificate: String, key: String, staple: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.staple = staple
    }

    public var description: String {
        let staple = self.staple.map { ", staple: \($0)" } ?? ""
        return "{certificate: \(self.certificate), key: \(self.key)\(staple)}"
    }

    func resolved(in folder: String) -> Self {
        CertificateSettings(
            certificate: self.certificate.resolved(in: folder),
            key: self.key.resolved(in: folder),
            staple: self.staple?.resolved(in: folder)
        )
    }
}

/// A mapping of files. Certificate and key are both required: one without the other is the commonest slip.
extension CertificateSettings: SettingsSection {
    package init() { self.init(certificate: "", key: "") }

    package static var fields: [SettingsField<Self>] {
        [
            .value("certificate", \.certificate, .path, .live, isRequired: true),
            .value("key", \.key, .path, .live, isRequired: true),
            .value("staple", \.staple, .either("null", or: .path), .live),
        ]
    }
}

/// The same where nothing is stapled, and nothing follows the file.
private struct FixedCertificate: SettingsSection {
    var certificate = ""
    var key = ""

    package static var fields: [SettingsField<Self>] {
        [
            .value("certificate", \.certificate, .path, .needsRestart, isRequired: true),
            .value("key", \.key, .path, .needsRestart, isRequired: true),
        ]
    }
}

extension ValueKind where Value == TLSSettings? {
    /// More certificates than a listener has names for are a slip.
    private static var certificates: ClosedRange<Int> { 1...64 }

    /// The word `self_signed`, a mapping with the files of a certificate, or a list of such.
    static var listenerTLS: Self {
        let mapping = "self_signed, a mapping with the keys certificate and key"
        let allowed =
            "\(mapping), or a list of \(self.certificates.lowerBound) to \(self.certificates.upperBound) of these"
        return ValueKind(
            allowed: allowed,
            brief: "\(mapping), or a list of such",
            innerKeys: { CertificateSettings.keys(at: $0) },
            read: { site, findings in
                switch site.node.content {
                case .scalar("self_signed", isPlain: true): return .some(.selfSigned)
                case .mapping: return .some(.files([CertificateSettings.read(site.node, at: site.path, &findings)]))
                case .sequence:
                    guard let nodes = ListText.nodes(at: site, count: self.certificates, &findings) else { return nil }
                    let all = nodes.enumerated().map { index, node in
                        // A list of one is written without its index when it is said back.
                        let path = nodes.count == 1 ? site.path : "\(site.path)[\(index)]"
                        findings.place(path, at: node.position)
                        return CertificateSettings.read(node, at: path, &findings)
                    }
                    return .some(.files(all))
                default:
                    site.refuse(&findings)
                    return nil
                }
            },
            write: { $0.map(\.description) ?? "no TLS" }
        )
    }

    /// The word `self_signed`, or a mapping with both files.
    static var fixedTLS: Self {
        ValueKind(
            allowed: "self_signed, or a mapping with the keys certificate and key",
            innerKeys: { FixedCertificate.keys(at: $0) },
            read: { site, findings in
                if case .scalar("self_signed", isPlain: true) = site.node.content { return .some(.selfSigned) }
                guard case .mapping = site.node.content else {
                    site.refuse(&findings)
                    return nil
                }
                let files = FixedCertificate.read(site.node, at: site.path, &findings)
                return .some(.files(certificate: files.certificate, key: files.key))
            },
            write: { $0.map(\.description) ?? "no TLS" }
        )
    }
}
