import Transport

/// The certificate that this program makes for itself.
struct SelfSignedFiles {
    let certificate, key: String

    init(stateFolder: String) {
        let files = SelfSignedCertificate.files(inFolder: stateFolder)
        (self.certificate, self.key) = (files.certificate, files.key)
    }

    func make() throws { try SelfSignedCertificate.make(certificateFile: self.certificate, keyFile: self.key) }
}
