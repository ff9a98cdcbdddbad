import Glibc
import Transport

/// A folder for one test's socket and certificate files.
public final class TestFolder: Sendable {
    public let path: String

    public init() {
        var template = Array("/tmp/sluice-test-XXXXXX\0".utf8CString.dropLast())
        self.path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        for name in ["socket", "certificate.pem", "key.pem", "other.pem", "other-key.pem"] {
            unlink("\(self.path)/\(name)")
        }
        rmdir(self.path)
    }

    public func file(_ name: String) -> String { "\(self.path)/\(name)" }

    public func makeServerTLS() throws -> TLSContext {
        let certificate = self.file("certificate.pem")
        let key = self.file("key.pem")
        try SelfSignedCertificate.make(certificateFile: certificate, keyFile: key)
        return try TLSContext(certificateFile: certificate, keyFile: key)
    }
}
