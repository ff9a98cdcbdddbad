/// What the peer has shown of itself.
extension Connection {
    public var verifiedCertificate: [UInt8]? { self.tls?.verifiedCertificate }
}
