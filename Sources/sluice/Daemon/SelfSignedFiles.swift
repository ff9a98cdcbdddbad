import Transport

/// The certificate that this program makes for itself.
struct SelfSignedFiles {
    let certificate, key: String

    init(stateFolder: String) {
        self.certificate = stateFolder + "/self-signed.pem"
        self.key = stateFolder + "/self-signed.key"
    }

    func make() throws { try SelfSignedCertificate.make(certificateFile: self.certificate, keyFile: self.key) }
}
