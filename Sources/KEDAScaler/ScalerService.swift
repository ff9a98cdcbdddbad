import GRPCCore
import Primitives

/// The calls of KEDA's `ExternalScaler`, as gRPC brings them: read, asked of the `ScalerBook`, written.
struct ScalerService: Externalscaler_ExternalScaler.SimpleServiceProtocol {
    let book: ScalerBook

    func isActive(
        request: Externalscaler_ScaledObjectRef,
        context: ServerContext
    ) async throws -> Externalscaler_IsActiveResponse {
        let isActive = try self.ask { answers, now throws(ScalerRefusal) in
            try answers.isActive(request.scalerMetadata, now: now)
        }
        return .with { $0.result = isActive }
    }

    func streamIsActive(
        request: Externalscaler_ScaledObjectRef,
        response: RPCWriter<Externalscaler_IsActiveResponse>,
        context: ServerContext
    ) async throws {
        do {
            let watch = try self.book.watch(request.scalerMetadata)
            // A client that goes is told to nobody else: gRPC does not cancel the task of its call.
            try await withRPCCancellationHandler {
                for try await isActive in watch.activity { try await response.write(.with { $0.result = isActive }) }
            } onCancelRPC: {
                watch.end()
            }
        } catch let refusal as ScalerRefusal {
            throw RPCError(refusal)
        }
    }

    func getMetricSpec(
        request: Externalscaler_ScaledObjectRef,
        context: ServerContext
    ) async throws -> Externalscaler_GetMetricSpecResponse {
        // What a metric is called is known without a decision, but not for a pool that there is not.
        _ = try self.ask { answers, _ throws(ScalerRefusal) in try answers.pool(of: request.scalerMetadata) }
        let spec = Externalscaler_MetricSpec.with {
            $0.metricName = ScalerAnswers.metricName
            $0.targetSize = Int64(ScalerAnswers.metricTarget)
            $0.targetSizeFloat = Double(ScalerAnswers.metricTarget)
        }
        return .with { $0.metricSpecs = [spec] }
    }

    func getMetrics(
        request: Externalscaler_GetMetricsRequest,
        context: ServerContext
    ) async throws -> Externalscaler_GetMetricsResponse {
        let desired = try self.ask { answers, now throws(ScalerRefusal) in
            try answers.metric(request.metricName, request.scaledObjectRef.scalerMetadata, now: now)
        }
        let value = Externalscaler_MetricValue.with {
            $0.metricName = request.metricName
            $0.metricValue = Int64(desired)
            $0.metricValueFloat = Double(desired)
        }
        return .with { $0.metricValues = [value] }
    }

    private func ask<Answer: Sendable>(
        _ question: (ScalerAnswers, Instant) throws(ScalerRefusal) -> Answer
    ) throws(RPCError) -> Answer {
        do {
            return try self.book.ask(question)
        } catch {
            throw RPCError(error)
        }
    }
}

extension RPCError {
    init(_ refusal: ScalerRefusal) {
        let code: Code =
            switch refusal.kind {
            case .badRequest: .invalidArgument
            case .unknownPool: .notFound
            case .notNow: .unavailable
            case .tooMany: .resourceExhausted
            }
        self.init(code: code, message: refusal.message)
    }
}
