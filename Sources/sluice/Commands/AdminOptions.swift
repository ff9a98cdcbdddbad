import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import HTTPService
import Transport

/// Where a running Sluice is asked.
struct AdminOptions: ParsableArguments {
    @Option(help: "The admin listener's address: `admin.listen` of the configuration.")
    var admin = "127.0.0.1:9090"

    enum Request: Sendable {
        case get(String)
        /// A POST of a path whose last word before a query is the action. `doubt` is told when there is no answer: it may have been
        /// done or not.
        case act(String, doubt: String)
    }

    static let timeoutNanoseconds: Int64 = 5_000_000_000

    /// Asks, and hands the body of a good answer over, with what asks on. Anything else ends the program with code 1
    /// and says why.
    func ask(
        _ request: Request,
        _ take: @escaping @Sendable (_ body: [UInt8], _ again: AdminConversation) -> Void
    ) throws -> Never {
        let address: SocketAddress
        do {
            address = try SocketAddress(parsing: self.admin)
        } catch {
            throw ValidationError("\(error)")
        }
        let loop = try EventLoop(label: "sluice.admin")
        let conversation = AdminConversation(loop: loop, address: address)
        loop.submit { conversation.ask(request, take) }
        dispatchMain()
    }
}

/// Requests to one admin listener, one after the other.
struct AdminConversation: Sendable {
    let loop: EventLoop
    let address: SocketAddress

    func ask(
        _ request: AdminOptions.Request,
        _ take: @escaping @Sendable (_ body: [UInt8], _ again: AdminConversation) -> Void
    ) {
        let (path, action, doubt): (String, String?, String?) =
            switch request {
            case .get(let path): (path, nil, nil)
            case .act(let path, let doubt):
                (path, path.prefix { $0 != "?" }.split(separator: "/").last.map(String.init), doubt)
            }
        HTTPProbe.get(
            address: self.address,
            path: path,
            on: self.loop,
            timeoutNanoseconds: AdminOptions.timeoutNanoseconds,
            maxBodyBytes: 16 << 20,
            action: action
        ) { result in
            switch result {
            case .failure(let error):
                let question = "Is Sluice running, and is --admin its `admin.listen`?"
                printError(
                    "nothing answers at \(self.address): \(error). \(error.wasSent ? doubt ?? question : question)"
                )
                Foundation.exit(1)
            case .success(let answer) where !Self.isOfAdminListener(answer): self.refuse()
            case .success(let answer) where answer.status == 200: take(answer.body, self)
            case .success(let answer):
                printError("\(self.address) answers \(answer.status): \(Self.reason(answer.body))")
                Foundation.exit(1)
            }
        }
    }

    /// An admin listener answers in JSON and knows no rooms' states; where visitors are served, anything may come.
    private static func isOfAdminListener(_ answer: ProbeResponse) -> Bool {
        let type = answer.header("content-type") ?? ""
        return ["application/json", "application/x-ndjson"].contains(type) && answer.header("sluice-state") == nil
            && answer.header("sluice-error") == nil
    }

    /// Ends the program: somebody else answers there.
    func refuse() -> Never {
        printError(
            "\(self.address) answers, but it is no admin listener of Sluice: --admin must be `admin.listen` of the "
                + "configuration (the line 'admin listening on ...' at the start), not an address for visitors"
        )
        Foundation.exit(1)
    }

    /// What the admin listener says of itself, in words; the first line of anything else.
    private static func reason(_ body: [UInt8]) -> String {
        struct Problem: Decodable {
            let error: String
            let known: [String]?
        }
        if let problem = try? JSONDecoder().decode(Problem.self, from: Data(body)) {
            let known = problem.known.map { $0.isEmpty ? "" : "; known: \($0.joined(separator: ", "))" } ?? ""
            return problem.error + known
        }
        let line = String(decoding: body.prefix { $0 != 0x0A }, as: UTF8.self)
        return line.isEmpty ? "it does not look like Sluice's admin listener" : line
    }
}

extension ProbeError {
    /// Whether what was asked may have been done all the same.
    fileprivate var wasSent: Bool {
        if case .unreachable(_, .connectFailed) = self { false } else { true }
    }
}
