import AsyncHTTPClient
import EventLoop
import Foundation
import NIOCore
import NIOPosix
import Primitives

/// One call on its way, for whoever has to be told why nothing came of it: what was asked, where, and for how long.
struct Attempt: Sendable {
    private let words: String
    private let address: String
    private let timeoutNanoseconds: Int64

    /// `server` as in a kubeconfig.
    init(_ request: APIRequest, at server: String, withinNanoseconds timeoutNanoseconds: Int64) {
        self.words = request.words
        self.address = Self.address(server)
        self.timeoutNanoseconds = timeoutNanoseconds
    }

    /// Without a user and a password, which an address may hold.
    private static func address(_ server: String) -> String {
        guard var parts = URLComponents(string: server) else { return "the server of the kubeconfig" }
        parts.user = nil
        parts.password = nil
        return parts.string ?? "the server of the kubeconfig"
    }

    func failure(_ error: any Error) -> APIFailure {
        if let failure = error as? APIFailure { return failure }
        return .unreachable("\(self.words) at \(self.address): \(self.reason(error))")
    }

    private func reason(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded:
            "no answer within \(self.timeoutNanoseconds / Nanoseconds.perMillisecond) ms"
        case let error as HTTPClientError where error == .connectTimeout:
            "no connection within \(HTTPTransport.connectSeconds) s"
        // Its description may show what was sent, the token among it.
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOConnectionError: Self.reason(error)
        case let error as IOError: SystemError.message(code: error.errnoCode)
        case let problem as ClusterAccess.Problem: problem.description
        default: "\(error)"
        }
    }

    /// Of several addresses of one name the first that failed speaks for all.
    private static func reason(_ error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first {
            return (first.error as? IOError).map { SystemError.message(code: $0.errnoCode) } ?? "\(first.error)"
        }
        guard let lookup = error.dnsAError ?? error.dnsAAAAError else { return "no connection" }
        return "the name \(error.host) cannot be looked up: \(lookup)"
    }
}
