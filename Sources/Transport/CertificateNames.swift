/// Which of a listener's certificates a client is shown, by the name that it asks for. A value.
public struct CertificateNames: Equatable, Sendable {
    private var whole: [String: Int] = [:]
    /// By what stands behind `*`: `.shop.example`.
    private var wildcards: [String: Int] = [:]

    /// The names of each certificate, in the order of the settings. Of two with the same name the first is shown.
    public init(_ certificates: [[String]]) {
        for (index, names) in certificates.enumerated() {
            for name in names.map(Self.plain) {
                if name.hasPrefix("*.") {
                    let rest = String(name.dropFirst())
                    if self.wildcards[rest] == nil { self.wildcards[rest] = index }
                } else if self.whole[name] == nil {
                    self.whole[name] = index
                }
            }
        }
    }

    /// The certificate for `name`, its whole name before a wildcard, which stands for one label (RFC 6125 section 6.4.3);
    /// nil when none fits.
    public func certificate(for name: String) -> Int? {
        let name = Self.plain(name)
        if let index = self.whole[name] { return index }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return self.wildcards[String(name[dot...])]
    }

    /// Case does not matter, nor does the dot of the root.
    private static func plain(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
