import Primitives

/// Which certificates an operator is to be told of because they have expired or soon will. A value; times are seconds
/// since 1970.
public struct CertificateExpiry: Equatable, Sendable {
    /// Of renewals that work, none is later than this.
    public static let warningSeconds: Int64 = 14 * 86_400
    private static let repeatSeconds: Int64 = 86_400

    /// When each was last told, by what was told of it.
    private var told: [Notice: Int64] = [:]

    /// A certificate, or an authority's word on one, as far as its time is concerned.
    public struct Notice: Hashable, Sendable {
        public enum Kind: Sendable { case certificate, staple }
        public var kind: Kind
        /// Such as `listen[0].tls: /etc/site.pem`.
        public var place: String
        public var notBefore: Int64
        public var notAfter: Int64

        public init(kind: Kind = .certificate, place: String, notBefore: Int64 = .min, notAfter: Int64) {
            self.kind = kind
            self.place = place
            self.notBefore = notBefore
            self.notAfter = notAfter
        }

        /// Nil while all is well.
        public func words(now: Int64) -> String? {
            switch self.kind {
            case .certificate: return self.certificateWords(now: now)
            case .staple:
                // It lives for days, and whoever renews it may do so on the last of them.
                guard now >= self.notAfter else { return nil }
                return
                    "\(self.place) has expired at \(Self.text(self.notAfter)); nothing is stapled until there is a new one"
            }
        }

        private func certificateWords(now: Int64) -> String? {
            guard now >= self.notBefore else {
                return
                    "\(self.place) is not valid before \(Self.text(self.notBefore)); visitors are warned until then, "
                    + "unless this machine's clock is wrong"
            }
            guard now < self.notAfter else {
                return
                    "\(self.place) has expired at \(Self.text(self.notAfter)); visitors are warned: put a new one in its "
                    + "place"
            }
            guard now >= self.notAfter - CertificateExpiry.warningSeconds else { return nil }
            let days = (self.notAfter - now) / 86_400
            return "\(self.place) expires at \(Self.text(self.notAfter)), in \(days) days; put a new one in its place"
        }

        private static func text(_ seconds: Int64) -> String {
            let isKnown = (-(1 << 40)..<(1 << 40)).contains(seconds)
            return isKnown ? RFC3339.text(wallMicros: seconds * 1_000_000, fraction: .microsIfAny) : "an unknown time"
        }
    }

    public init() {}

    /// What is to be told now: each once a day. What is no longer there is forgotten.
    public mutating func due(_ certificates: [Notice], now: Int64) -> [String] {
        let present = Set(certificates)
        self.told = self.told.filter { present.contains($0.key) }
        var due: [String] = []
        for certificate in certificates {
            guard let words = certificate.words(now: now) else { continue }
            if let last = self.told[certificate], (last..<last + Self.repeatSeconds).contains(now) { continue }
            self.told[certificate] = now
            due.append(words)
        }
        return due
    }
}
